//! A cluster file, one entity a line.
//!
//! Must never know: how it is read.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::net::IpAddr;

use serde_json::json;

use super::Wish;
use super::fault::{Fault, place};
use super::plan::{CLOSED, PORT, Plan};
use super::pod::Written;

/// Writes it.
pub(super) fn write(wish: &Wish, plan: &Plan, out: &mut dyn Write) -> fmt::Result {
    let written = Written::new(wish, plan);
    let name = format!("generated-{}x{}", plan.nodes, plan.pods_each);
    out.write_str("{\n\"apiVersion\": \"kubeproof.dev/v1\",\n\"kind\": \"Cluster\",\n")?;
    write!(out, "\"metadata\": {{\"name\": \"{name}\"}},\n\"nodes\": [")?;
    for node in 0..plan.nodes {
        let addresses = list(&plan.node_addresses(node));
        let name = Plan::node_name(node);
        write!(
            out,
            "{}\n{{\"name\":\"{name}\",\"addresses\":{addresses},\
             \"daemons\":[{{\"name\":\"kubelet\",\"open\":[10250]}}]}}",
            comma(node)
        )?;
    }
    out.write_str("\n],\n\"pods\": [")?;
    for pod in 0..plan.pods() {
        write!(
            out,
            "{}\n{{\"name\":\"{}\",\"namespace\":\"{}\",\"node\":\"{}\",\"addresses\":{},\"containers\":[",
            comma(pod),
            plan.pod_name(pod),
            plan.pod_namespace(pod),
            Plan::node_name(plan.node_of(pod)),
            list(&written.pod(pod)),
        )?;
        for container in 0..wish.containers {
            let port = PORT + container;
            let comma = comma(container);
            write!(
                out,
                "{comma}{{\"name\":\"c{}\",\"open\":[{port}]}}",
                container + 1
            )?;
        }
        out.write_str("]}")?;
    }
    out.write_str("\n]")?;
    if wish.services > 0 {
        services(wish, plan, &written, out)?;
    }
    edits(wish, plan, out)?;
    if let Some(tables) = &wish.tables {
        write!(out, ",\n\"tables\": {}", json!(tables))?;
    }
    out.write_str("\n}\n")
}

fn services(wish: &Wish, plan: &Plan, written: &Written<'_>, out: &mut dyn Write) -> fmt::Result {
    out.write_str(",\n\"services\": [")?;
    for service in 0..wish.services {
        let app = plan.app_of_service(service);
        let namespace = Plan::namespace_name(plan.namespace_of(app));
        write!(
            out,
            "{}\n{{\"name\":\"svc-{}\",\"namespace\":\"{namespace}\",\"addresses\":{},\
             \"ports\":[{{\"port\":80,\"targetPort\":{}}}],\"endpoints\":[",
            comma(service),
            service + 1,
            list(&written.service(service)),
            written.target(service),
        )?;
        for (at, pod) in (0..).zip(plan.pods_of(app)) {
            let comma = comma(at);
            write!(out, "{comma}\"pod/{namespace}/{}\"", plan.pod_name(pod))?;
        }
        out.write_str("]}")?;
    }
    out.write_str("\n]")
}

/// The faults that are changes to the ideal links and FIBs.
fn edits(wish: &Wish, plan: &Plan, out: &mut dyn Write) -> fmt::Result {
    let node = |node: u32| format!("node/{}", Plan::node_name(node));
    let address = |pod: u32| plan.pod_addresses(pod)[0].to_string();
    if let Some(p) = place(Fault::MissingLink, wish, plan) {
        let home = plan.node_of(p.pod);
        let link = if plan.pods_each == 0 {
            (p.at, (p.at + 1) % plan.nodes)
        } else {
            (p.at, home)
        };
        let link = json!({"from": node(link.0), "to": node(link.1)});
        write!(out, ",\n\"links\": {{\"remove\": [{link}]}}")?;
    }
    // Two faults may be at one node, which has one entry.
    let mut fibs: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    if let Some(p) = place(Fault::MissingRoute, wish, plan) {
        let rule = json!({"to": address(p.pod)});
        fibs.entry(node(p.at)).or_default().0.push(rule.to_string());
    }
    let mut before = |at: String, rule: serde_json::Value| {
        fibs.entry(at).or_default().1.push(rule.to_string());
    };
    if let Some(p) = place(Fault::WrongNextHop, wish, plan) {
        let rule = json!({"to": address(p.pod), "action": {"forward": node(p.wrong)}});
        // The wrong node would hand it on to the right one.
        before(node(p.at), rule);
        let lost = json!({"to": address(p.pod), "action": {"discard": "not-here"}});
        before(node(p.wrong), lost);
    }
    if let Some(p) = place(Fault::Detour, wish, plan) {
        let rule = json!({"to": address(p.pod), "action": {"forward": node(p.wrong)}});
        before(node(p.at), rule);
    }
    if let Some(p) = place(Fault::Blackhole, wish, plan) {
        let rule = json!({"to": address(p.pod), "action": {"discard": "blackhole"}});
        before(node(p.at), rule);
    }
    if let Some(p) = place(Fault::Loop, wish, plan) {
        for (at, next) in [(p.at, p.wrong), (p.wrong, p.at)] {
            let rule = json!({"to": address(p.pod), "action": {"forward": node(next)}});
            before(node(at), rule);
        }
    }
    if let Some(p) = place(Fault::WrongDelivery, wish, plan) {
        let pod = format!("{}/{}", plan.pod_namespace(p.pod), plan.pod_name(p.pod));
        let action = json!({"deliver": format!("container/{pod}/c1")});
        let rule =
            json!({"to": address(p.pod), "toPort": CLOSED, "protocol": "TCP", "action": action});
        before(format!("pod/{pod}"), rule);
    }
    if fibs.is_empty() {
        return Ok(());
    }
    out.write_str(",\n\"fibs\": [")?;
    for (at, (switch, (remove, before))) in (0..).zip(fibs) {
        let (remove, before) = (remove.join(","), before.join(","));
        write!(
            out,
            "{}\n{{\"at\":\"{switch}\",\"remove\":[{remove}],\"before\":[{before}]}}",
            comma(at)
        )?;
    }
    out.write_str("\n]")
}

fn comma(at: u32) -> &'static str {
    if at == 0 { "" } else { "," }
}

fn list(addresses: &[IpAddr]) -> String {
    let all: Vec<String> = addresses.iter().map(|a| format!("\"{a}\"")).collect();
    format!("[{}]", all.join(","))
}
