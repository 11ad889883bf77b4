//! What is worth knowing beside the verdicts: assumptions in force, and findings.
//!
//! Knows: what a cluster file leaves open. Must never know: formulas, the solver, printing.

pub mod attach;
pub mod routes;
pub mod services;

use std::collections::BTreeMap;

use crate::lower::Lowered;
use crate::model::cluster::{Cluster, ExplicitAction, Process};
use crate::model::inet::Family;
use crate::model::policy::Settings;
use crate::model::service::ServiceKind;
use crate::network::fib::Action;
use crate::policy;
use crate::report::run::{Assumption, Finding};

/// Every finding, with its title.
pub const CODES: &[(&str, &str)] = &[
    (
        "F001",
        "two processes of one namespace listen on the same port",
    ),
    ("F002", "a rule changes the source port"),
    ("F003", "a service without an endpoint"),
    (
        "F004",
        "an object that can change reachability and is not modelled",
    ),
    ("F005", "objects of a kind that is not read"),
    (
        "F006",
        "who reaches whom hangs on addresses, labels or an order that are not given",
    ),
    ("F040", "an intent speaks of somebody who is not there"),
    ("F041", "pods without the label by which they are isolated"),
    ("F042", "an intent speaks of a headless Service"),
];

/// What the input does not show and was taken for granted.
pub fn assumptions(cluster: &Cluster, settings: &Settings) -> Vec<Assumption> {
    let mut all = Vec::new();
    let stated = |id| cluster.fibs.iter().any(|f| f.at == id && !f.keep_ideal);
    let switches = cluster
        .nodes
        .iter()
        .map(|n| n.id)
        .chain(cluster.pods.iter().map(|p| p.id));
    // Of a snapshot every rule is read, and routes say which address a node sends from.
    let installed = cluster.snapshot.is_some();
    if !installed && switches.into_iter().any(|id| !stated(id)) {
        all.push(Assumption {
            id: "ideal-plugin",
            value: "yes".to_owned(),
            default: true,
            meaning: "where the input states no FIB, it is the seed's ideal one",
        });
    }
    all.extend(of_objects(cluster));
    if installed {
        if !cluster.policies.is_empty() {
            let policies = about_policies(cluster, *settings).into_iter();
            // Whether it does is what is asked.
            all.extend(policies.filter(|a| a.id != "plugin-enforces-policies"));
        }
        return all;
    }
    let one_each = |family| {
        cluster.nodes.iter().all(|n| {
            n.addresses
                .iter()
                .filter(|a| Family::of(a.ip) == family)
                .count()
                <= 1
        })
    };
    if cluster
        .nodes
        .iter()
        .any(|n| n.addresses.is_empty() && !n.daemons.is_empty())
    {
        all.push(Assumption {
            id: "node-source-address",
            value: "free".to_owned(),
            default: true,
            meaning: "a node without an address sends from one that nobody holds; its answers are not judged",
        });
    } else if !one_each(Family::V4) || !one_each(Family::V6) {
        all.push(Assumption {
            id: "node-source-address",
            value: "any".to_owned(),
            default: true,
            meaning: "a node with several addresses may send from any of them",
        });
    }
    if !cluster.policies.is_empty() {
        all.extend(about_policies(cluster, *settings));
    }
    all
}

/// Where Kubernetes leaves the meaning of policies open.
fn about_policies(cluster: &Cluster, settings: Settings) -> Vec<Assumption> {
    let standard = Settings::default();
    let assumption = |id, value: &str, default, meaning| Assumption {
        id,
        value: value.to_owned(),
        default,
        meaning,
    };
    let mut all = vec![
        assumption(
            "plugin-enforces-policies",
            "yes",
            true,
            "the network plugin enforces the policies",
        ),
        assumption(
            "ipblock-matches-pods",
            if settings.ipblock_matches_pods {
                "yes"
            } else {
                "no"
            },
            settings.ipblock_matches_pods == standard.ipblock_matches_pods,
            "whether an ipBlock of a policy matches the addresses of pods",
        ),
        assumption(
            "egress-to-own-node",
            if settings.egress_to_own_node {
                "allow"
            } else {
                "deny"
            },
            settings.egress_to_own_node == standard.egress_to_own_node,
            "whether a pod under egress isolation may reach its own node",
        ),
        assumption(
            "hairpin",
            if settings.hairpin_under_policy {
                "policy"
            } else {
                "allow"
            },
            settings.hairpin_under_policy == standard.hairpin_under_policy,
            "whether a pod reaches itself through a Service, whatever policies say",
        ),
    ];
    if !cluster.host_pods.is_empty() {
        all.push(assumption(
            "host-network-policy",
            if settings.host_network_as_pod {
                "pod"
            } else {
                "node"
            },
            settings.host_network_as_pod == standard.host_network_as_pod,
            "whether a hostNetwork pod is its node to policies, or a pod",
        ));
    }
    all
}

/// What Kubernetes objects leave open.
fn of_objects(cluster: &Cluster) -> Vec<Assumption> {
    let reading = &cluster.reading;
    let mut all = Vec::new();
    let mut add = |id, meaning| {
        all.push(Assumption {
            id,
            value: "yes".to_owned(),
            default: true,
            meaning,
        });
    };
    if reading.objects && cluster.snapshot.is_none() {
        add(
            "declared-ports-listen",
            "containers listen on the ports that they declare, on every address, and on no others",
        );
    }
    if reading.templates {
        add(
            "templates-ready",
            "pods of manifests and templates come up and are ready",
        );
    }
    if reading.addresses_chosen || cluster.services.iter().any(|service| service.chosen) {
        add(
            "some-addresses",
            "what has no address yet has some private address (or one of --pod-cidr) that is distinct from all others; the one shown is an example",
        );
    }
    if reading.nodes_chosen {
        add(
            "some-nodes",
            "pods without a node are on some nodes; those shown are an example",
        );
    }
    let mut kinds: Vec<&str> = reading.ignored.iter().map(|u| u.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if !kinds.is_empty() {
        all.push(Assumption {
            id: "ignored-kind",
            value: kinds.join(","),
            default: false,
            meaning: "objects of these kinds are not modelled and are taken to change nothing",
        });
    }
    all
}

/// Objects that are there and are not read.
fn aside(cluster: &Cluster) -> Vec<Finding> {
    let unmodelled = cluster.reading.unmodelled.iter().map(|object| Finding {
        id: "F004",
        severity: "warning",
        message: format!(
            "`{}` ({}) can change who reaches whom and is not modelled; `--ignore-kind {}` takes for granted that it does not",
            object.kind, object.api_version, object.kind
        ),
        source: Some(object.origin),
    });
    let unread = cluster.reading.unread.iter().map(|unread| Finding {
        id: "F005",
        severity: "note",
        message: format!(
            "{} of kind `{}` ({}) {} not read",
            unread.count,
            unread.kind,
            unread.api_version,
            if unread.count == 1 { "is" } else { "are" }
        ),
        source: Some(unread.origin),
    });
    unmodelled.chain(unread).collect()
}

/// Findings, by id and then in the order of the input.
pub fn findings(cluster: &Cluster, lowered: &Lowered) -> Vec<Finding> {
    let mut all = Vec::new();
    for pod in &cluster.pods {
        all.extend(shared_ports(cluster, &pod.containers));
    }
    for node in &cluster.nodes {
        all.extend(shared_ports(cluster, &node.daemons));
    }
    for switch in &lowered.network.switches {
        for rule in &switch.fib {
            if let Action::Translate(ways) = &rule.action
                && ways.iter().any(|w| w.source_port.is_some())
            {
                all.push(Finding {
                    id: "F002",
                    severity: "warning",
                    message: format!(
                        "a rule of {} changes the source port",
                        cluster.name_of(switch.id)
                    ),
                    source: Some(rule.origin),
                });
            }
        }
    }
    if lowered.network.switches.is_empty() {
        all.extend(stated_source_ports(cluster));
    }
    for service in &cluster.services {
        let meant_none = service.selector.is_some() && service.selected.is_empty();
        if !service.ports.is_empty()
            && !meant_none
            && service.kind != ServiceKind::ExternalName
            && service.ports.iter().all(|p| p.endpoints.is_empty())
        {
            all.push(Finding {
                id: "F003",
                severity: "warning",
                message: format!("{} has no endpoint", cluster.name_of(service.id)),
                source: Some(service.origin),
            });
        }
    }
    all.extend(aside(cluster));
    all.extend(services::findings(cluster));
    all.extend(routes::findings(cluster));
    all.extend(attach::findings(cluster));
    let policies = policy::findings::findings(cluster).into_iter();
    all.extend(policies.map(|found| Finding {
        id: found.code,
        severity: "warning",
        message: found.message,
        source: Some(found.origin),
    }));
    all.sort_by_key(|f| f.id);
    all
}

/// Rules that change the source port, where the network was not made as a whole.
fn stated_source_ports(cluster: &Cluster) -> Vec<Finding> {
    let mut edits: Vec<_> = cluster.fibs.iter().collect();
    edits.sort_by_key(|edit| edit.at);
    let mut all = Vec::new();
    for edit in edits {
        for rule in edit.before.iter().chain(&edit.after) {
            if let ExplicitAction::Translate {
                from_port: Some(_), ..
            } = rule.action
            {
                all.push(Finding {
                    id: "F002",
                    severity: "warning",
                    message: format!(
                        "a rule of {} changes the source port",
                        cluster.name_of(edit.at)
                    ),
                    source: Some(rule.origin),
                });
            }
        }
    }
    all
}

/// The second bind of a port fails on a real system; here the first rule wins.
fn shared_ports(cluster: &Cluster, processes: &[Process]) -> Vec<Finding> {
    let mut first: BTreeMap<_, _> = BTreeMap::new();
    let mut found = Vec::new();
    for process in processes {
        for listener in &process.open {
            let key = (listener.protocol, listener.port, listener.bind);
            match first.get(&key) {
                Some(other) if *other != process.id => found.push(Finding {
                    id: "F001",
                    severity: "warning",
                    message: format!(
                        "{} and {} both listen on {} port {}",
                        cluster.name_of(*other),
                        cluster.name_of(process.id),
                        listener.protocol,
                        listener.port
                    ),
                    source: Some(listener.origin),
                }),
                Some(_) => {}
                None => drop(first.insert(key, process.id)),
            }
        }
    }
    found
}
