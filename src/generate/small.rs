//! Small pods by themselves: some 300 bytes each, one port, labels that no other has; and policies that select by them.
//!
//! Must never know: who reaches whom.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use super::Wish;
use super::plan::Plan;
use super::pod::Written;
use super::rng::Rng;

/// Writes a list, one object a line.
pub(super) fn write(wish: &Wish, plan: &Plan, out: &mut dyn Write) -> fmt::Result {
    out.write_str("{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[")?;
    let written = Written::new(wish, plan);
    let namespace = |at: u32| match plan.namespaces {
        1 => "default".to_owned(),
        many => Plan::namespace_name(at % many),
    };
    for node in 0..plan.nodes {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": Plan::node_name(node)},
            "status": {"addresses": [{"type": "InternalIP", "address": plan.node_addresses(node)[0]}]},
        });
        write!(out, "{}\n{object}", if node > 0 { "," } else { "" })?;
    }
    if plan.namespaces > 1 {
        for at in 0..plan.namespaces {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace(at)}});
            write!(out, ",\n{object}")?;
        }
    }
    for pod in 0..plan.pods() {
        let ips: Vec<Value> = written
            .pod(pod)
            .iter()
            .map(|ip| json!({"ip": ip}))
            .collect();
        let object = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": format!("pod-{}", pod + 1),
                "namespace": namespace(pod),
                "labels": {
                    "app": format!("app-{}", pod + 1),
                    "tier": format!("tier-{}", pod % 7),
                    "zone": format!("zone-{}", pod % 5),
                    "team": format!("team-{}", pod % 11),
                },
            },
            "spec": {
                "containers": [{"name": "main", "image": "app", "ports": [{"containerPort": 8000 + pod % 9}]}],
                "nodeName": Plan::node_name(plan.node_of(pod)),
            },
            "status": {"phase": "Running", "podIP": written.pod(pod)[0], "podIPs": ips},
        });
        write!(out, ",\n{object}")?;
    }
    for number in 0..wish.policies {
        let object = policy(wish, number, &namespace(number));
        write!(out, ",\n{object}")?;
    }
    out.write_str("\n]}\n")
}

/// A few shapes: ingress or egress, labels of peers, a port or all of them, a prefix now and then.
fn policy(wish: &Wish, number: u32, namespace: &str) -> Value {
    let mut rng = Rng::new(wish.seed, (2 << 32) + u64::from(number));
    let labels = |rng: &mut Rng| {
        let (key, many) = *rng.pick(&[("tier", 7), ("zone", 5), ("team", 11)]);
        json!({"matchLabels": {key: format!("{key}-{}", rng.below(many))}})
    };
    let selected = labels(&mut rng);
    let (direction, kind, ends) = if rng.percent(50) {
        ("ingress", "Ingress", "from")
    } else {
        ("egress", "Egress", "to")
    };
    let count = 1 + rng.below(2);
    let mut peers: Vec<Value> = (0..count)
        .map(|_| json!({"podSelector": labels(&mut rng)}))
        .collect();
    if rng.percent(20) {
        peers.push(json!({"ipBlock": {"cidr": format!("10.1.{}.0/24", rng.below(8))}}));
    }
    let mut rule = json!({ends: peers});
    match rng.below(3) {
        0 => rule["ports"] = json!([{"port": 8000 + rng.below(9)}]),
        1 => rule["ports"] = json!([{"port": 8000, "endPort": 8004}]),
        _ => {}
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": format!("policy-{}", number + 1), "namespace": namespace},
        "spec": {"podSelector": selected, "policyTypes": [kind], direction: [rule]},
    })
}
