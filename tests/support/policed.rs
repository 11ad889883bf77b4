//! Random policies, and what only manifests can say, put on a random cluster: labels, namespaces, names of ports, hostPorts,
//! pods in the network of their node, load balancers, traffic policies, readiness; and the settings under which it is
//! decided.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kubeproof::base::source::SourceMap;
use kubeproof::input::kubernetes::{self, Objects};
use kubeproof::input::problems::Problems;
use kubeproof::input::yaml;
use kubeproof::model::cluster::{Address, Cluster, HostPod, HostPort, NamedPort};
use kubeproof::model::inet::Protocol;
use kubeproof::model::policy::Settings;
use kubeproof::model::service::Readiness;

use super::compare;
use super::draft::Draft;
use super::rng::Rng;

/// A cluster with policies, its settings, and the text of what it is made of.
pub struct Policed {
    pub cluster: Cluster,
    pub settings: Settings,
    pub text: String,
}

/// Puts policies on a draft; none where the draft is no cluster.
pub fn on(seed: u64, mut draft: Draft) -> Option<Policed> {
    let mut rng = Rng::new(seed, 11);
    if rng.percent(60) {
        // Without explicit changes the question can be asked for whatever policies say.
        draft.fibs.clear();
        draft.added.clear();
        draft.removed.clear();
        if rng.percent(50) {
            draft.externals.clear();
        }
    }
    for pod in &mut draft.pods {
        pod.app = ["a", "b"]
            .get(rng.weighted(&[45, 35, 20]))
            .map(|s| (*s).to_owned());
    }
    let mut text = draft.yaml();
    let mut cluster = compare::load(&text).ok()?;
    let mut policies = String::new();
    for i in 1..=rng.between(1, 3) {
        policies += &network(&mut rng, i);
    }
    for i in 1..=rng.weighted(&[65, 20, 15]) {
        policies += &of_cluster(&mut rng, i);
    }
    text += &policies;
    read(&policies, &mut cluster);
    let settings = Settings {
        ipblock_matches_pods: rng.percent(70),
        host_network_as_pod: rng.percent(20),
        egress_to_own_node: rng.percent(75),
        hairpin_under_policy: rng.percent(25),
        equal_priority_reversed: rng.percent(20),
        ..Settings::default()
    };
    change(&mut rng, &mut cluster, &mut text);
    text += &format!("# {settings:?}\n");
    Some(Policed {
        cluster,
        settings,
        text,
    })
}

/// Gives a cluster the policies of a text.
pub fn read(policies: &str, cluster: &mut Cluster) {
    let mut sources = SourceMap::new();
    let source = sources.add("policies.yaml", policies);
    let mut problems = Problems::with_room(100);
    let documents = yaml::parse(source, policies, &mut problems);
    let mut objects = Objects::default();
    for document in documents.documents() {
        let kind = document.node.as_map().and_then(|m| m.get("kind"));
        let kind = kind.and_then(|e| e.value.as_str()).unwrap();
        kubernetes::read(kind, document.node, &mut problems, &mut objects);
    }
    let told = problems.into_list();
    assert!(told.is_empty(), "{told:?}\n{policies}");
    cluster.policies.network = objects.network_policies;
    cluster.policies.cluster = objects.cluster_policies;
}

/// What a cluster file cannot say.
fn change(rng: &mut Rng, cluster: &mut Cluster, text: &mut String) {
    let origin = cluster.origin;
    if rng.percent(25) {
        host_ports(rng, cluster, text);
    }
    if rng.percent(30) {
        balancers(rng, cluster, text);
    }
    if rng.percent(35) {
        for pod in &mut cluster.pods {
            let port = *rng.pick(&[8080, 8080, 9090]);
            pod.named_ports.push(NamedPort {
                name: "web".to_owned(),
                port,
                protocol: Protocol::Tcp,
                origin,
            });
            *text += &format!("# {}: web is {port}\n", pod.id.index());
        }
    }
    for service in &mut cluster.services {
        service.internal_local = rng.percent(15);
        *text += &format!("# local: {}\n", service.internal_local);
        for endpoint in service.ports.iter_mut().flat_map(|p| &mut p.endpoints) {
            endpoint.readiness = match rng.weighted(&[80, 10, 10]) {
                0 => Readiness::Ready,
                1 => Readiness::Terminating,
                _ => Readiness::NotReady,
            };
            *text += &format!("# {} {:?}\n", endpoint.address, endpoint.readiness);
        }
    }
    if rng.percent(30) {
        for node in &cluster.nodes {
            let Some(daemon) = node.daemons.first() else {
                continue;
            };
            let app = (*rng.pick(&["a", "a", "b"])).to_owned();
            *text += &format!("# daemon {} is a pod with app {app}\n", daemon.id.index());
            cluster.host_pods.push(HostPod {
                namespace: "default".to_owned(),
                name: format!("host-{}", daemon.id.index()),
                node: node.id,
                labels: BTreeMap::from([("app".to_owned(), app)]),
                daemons: vec![daemon.id],
                named_ports: Vec::new(),
                workload: None,
                origin,
            });
        }
    }
}

/// Ports of nodes that lead to their pods; some are taken by two.
fn host_ports(rng: &mut Rng, cluster: &mut Cluster, text: &mut String) {
    let origin = cluster.origin;
    for pod in &mut cluster.pods {
        if !rng.percent(40) {
            continue;
        }
        let (host_port, port) =
            *rng.pick(&[(8080, 8080), (31000, 8080), (31000, 9090), (9100, 8080)]);
        pod.host_ports.push(HostPort {
            port,
            host_port,
            protocol: Protocol::Tcp,
            host_ip: None,
            origin,
        });
        *text += &format!("# {}: hostPort {host_port} is {port}\n", pod.id.index());
    }
}

/// Services that are dialled from outside too: at addresses, at ports of nodes.
fn balancers(rng: &mut Rng, cluster: &mut Cluster, text: &mut String) {
    let origin = cluster.origin;
    for (i, service) in (1..).zip(&mut cluster.services) {
        if rng.percent(60) {
            let ip: IpAddr = format!("192.0.2.{i}").parse().unwrap();
            service.external_addresses.push(Address { ip, origin });
            if rng.percent(60) {
                service.balancer.push(ip);
                let sources = ["10.1.0.0/30", "203.0.113.0/25", "10.0.0.0/8"];
                service.balancer_sources = rng
                    .percent(40)
                    .then(|| vec![rng.pick(&sources).parse().unwrap()]);
            }
        }
        service.external_local = rng.percent(25);
        for port in &mut service.ports {
            let number = *rng.pick(&[30000, 30000 + i, 9100]);
            port.node_port = rng.percent(50).then_some(number);
            *text += &format!("# port of nodes: {:?}\n", port.node_port);
        }
        *text += &format!(
            "# outside: {:?} of balancer {:?} for {:?}, local {}\n",
            service.external_addresses,
            service.balancer,
            service.balancer_sources,
            service.external_local
        );
    }
}

fn pods(rng: &mut Rng) -> &'static str {
    [
        "{}",
        "{matchLabels: {app: a}}",
        "{matchLabels: {app: b}}",
        "{matchExpressions: [{key: app, operator: DoesNotExist}]}",
    ][rng.weighted(&[25, 35, 25, 15])]
}

fn block(rng: &mut Rng) -> String {
    let last = rng.between(1, 9);
    match rng.below(8) {
        0 => "{cidr: 0.0.0.0/0, except: [10.1.0.0/30]}".to_owned(),
        1 => format!("{{cidr: 10.1.0.{last}/32}}"),
        2 => format!("{{cidr: 10.0.0.{}/32}}", rng.between(1, 3)),
        3 => "{cidr: 10.96.0.0/16}".to_owned(),
        6 => "{cidr: 10.0.0.0/24}".to_owned(),
        4 => "{cidr: 198.51.100.0/25}".to_owned(),
        5 => "{cidr: 203.0.113.7/32}".to_owned(),
        _ => "{cidr: 10.1.0.0/24, except: [10.1.0.4/31]}".to_owned(),
    }
}

fn rules(rng: &mut Rng, peers: &str) -> String {
    let all: Vec<String> = (0..rng.weighted(&[30, 55, 15]))
        .map(|_| {
            let mut parts = Vec::new();
            if rng.percent(75) {
                let peer = match rng.weighted(&[60, 25, 15]) {
                    0 => format!("{{podSelector: {}}}", pods(rng)),
                    1 => format!("{{ipBlock: {}}}", block(rng)),
                    _ => format!("{{namespaceSelector: {{}}, podSelector: {}}}", pods(rng)),
                };
                parts.push(format!("{peers}: [{peer}]"));
            }
            if rng.percent(50) {
                let port = *rng.pick(&[
                    "port: 8080",
                    "port: 9090",
                    "port: web",
                    "port: 80, endPort: 8080",
                    "protocol: UDP",
                    "protocol: SCTP, port: 53",
                ]);
                parts.push(format!("ports: [{{{port}}}]"));
            }
            format!("{{{}}}", parts.join(", "))
        })
        .collect();
    format!("[{}]", all.join(", "))
}

fn network(rng: &mut Rng, number: usize) -> String {
    let (types, fields) = match rng.below(3) {
        0 => ("[Ingress]", format!("ingress: {}", rules(rng, "from"))),
        1 => ("[Egress]", format!("egress: {}", rules(rng, "to"))),
        _ => (
            "[Ingress, Egress]",
            format!(
                "ingress: {}, egress: {}",
                rules(rng, "from"),
                rules(rng, "to")
            ),
        ),
    };
    let namespace = if rng.percent(85) { "default" } else { "shop" };
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n{number}, namespace: {namespace}}}\nspec: {{podSelector: {}, policyTypes: {types}, {fields}}}\n",
        pods(rng)
    )
}

fn of_cluster(rng: &mut Rng, number: usize) -> String {
    let pods = |rng: &mut Rng| format!("{{namespaceSelector: {{}}, podSelector: {}}}", pods(rng));
    let subject = pods(rng);
    let tier = *rng.pick(&["Admin", "Admin", "Baseline"]);
    let priority = 10 * rng.between(1, 2);
    let action = *rng.pick(&["Deny", "Accept", "Pass"]);
    let peer = if rng.percent(30) {
        "{nodes: {}}".to_owned()
    } else {
        format!("{{pods: {}}}", pods(rng))
    };
    let (direction, key) = if peer.contains("nodes") || rng.percent(50) {
        ("egress", "to")
    } else {
        ("ingress", "from")
    };
    format!(
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: c{number}}}\nspec: {{tier: {tier}, priority: {priority}, subject: {{pods: {subject}}}, {direction}: [{{action: {action}, {key}: [{peer}]}}]}}\n"
    )
}
