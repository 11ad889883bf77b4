//! NetworkPolicies in the proportions of a real cluster.
//!
//! Source: the statistics of npinaeva/k8s-netpol-scale, of one cluster: 5,413 pods, 604 namespaces, 13,678 policies, of
//! which 3,559 have no rule; 15,423 peers; a policy selects 13 pods in the mean, a peer 35, and one selector most pods.
//! Must never know: who reaches whom.

use serde_json::{Value, json};

use super::Wish;
use super::plan::{PORT, Plan};
use super::rng::Rng;

/// Of a hundred policies so many have no rule.
const EMPTY: usize = 26;

/// The policy of a number.
pub(super) fn policy(wish: &Wish, plan: &Plan, number: u32) -> Value {
    let mut rng = Rng::new(wish.seed, (1 << 32) + u64::from(number));
    let app = rng.below(plan.apps as usize) as u32;
    let namespace = Plan::namespace_name(plan.namespace_of(app));
    // An app has some fifteen pods; now and then a policy is about the whole namespace.
    let selector = if rng.percent(95) {
        json!({"matchLabels": {"app": format!("app-{}", app + 1)}})
    } else {
        json!({})
    };
    let ingress = rng.percent(70);
    let (direction, kind, ends) = if ingress {
        ("ingress", "Ingress", "from")
    } else {
        ("egress", "Egress", "to")
    };
    let mut rules = Vec::new();
    if !rng.percent(EMPTY) {
        let count = 1 + usize::from(rng.percent(40)) + usize::from(rng.percent(12));
        let peers: Vec<Value> = (0..count).map(|_| peer(plan, app, &mut rng)).collect();
        let mut rule = json!({ends: peers});
        if rng.percent(60) {
            let port = PORT + rng.below(wish.containers as usize) as u32;
            rule["ports"] = json!([{"port": port, "protocol": "TCP"}]);
        }
        rules.push(rule);
    }
    let mut spec = json!({"podSelector": selector, "policyTypes": [kind]});
    if !rules.is_empty() {
        spec[direction] = Value::Array(rules);
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": format!("policy-{}", number + 1), "namespace": namespace},
        "spec": spec,
    })
}

fn peer(plan: &Plan, app: u32, rng: &mut Rng) -> Value {
    let other = rng.below(plan.apps as usize) as u32;
    match rng.below(100) {
        // Another app of the same namespace.
        0..35 => {
            let step = plan.namespaces;
            let near = other - other % step + app % step;
            let near = if near < plan.apps { near } else { app };
            json!({"podSelector": {"matchLabels": {"app": format!("app-{}", near + 1)}}})
        }
        // An app of another namespace.
        35..65 => {
            let namespace = Plan::namespace_name(plan.namespace_of(other));
            json!({
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "podSelector": {"matchLabels": {"app": format!("app-{}", other + 1)}},
            })
        }
        // A tier: the selector that matches many.
        65..72 => {
            json!({"podSelector": {"matchLabels": {"tier": format!("tier-{}", rng.below(7))}}})
        }
        72..90 => {
            let namespace = Plan::namespace_name(plan.namespace_of(other));
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}})
        }
        _ => json!({"ipBlock": {"cidr": format!("198.51.{}.0/24", rng.below(100))}}),
    }
}
