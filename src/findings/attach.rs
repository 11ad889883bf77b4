//! Routes of the Gateway API that are attached to no listener: nothing comes in by them.
//!
//! Source: gateway-api.sigs.k8s.io, *HTTPRoute*, *Hostnames*, *Cross-Namespace routing*.
//! Must never know: backends, paths.

use crate::model::cluster::Cluster;
use crate::model::labels::Open;
use crate::model::route::{Admitted, Entrance, GatewayListener, Parent};
use crate::report::run::Finding;

/// What is found here, with titles.
pub const CODES: &[(&str, &str)] = &[("F016", "a route that a Gateway does not take")];

/// All of them.
pub(super) fn findings(cluster: &Cluster) -> Vec<Finding> {
    let mut all = Vec::new();
    for route in &cluster.entrances {
        for parent in &route.parents {
            all.extend(refused(cluster, route, parent).map(|why| Finding {
                id: "F016",
                severity: "warning",
                message: format!(
                    "{} {}/{} is not attached to Gateway {}/{}: {why}",
                    route.kind, route.namespace, route.name, parent.namespace, parent.name
                ),
                source: Some(parent.origin),
            }));
        }
    }
    all
}

/// Why no listener takes a route, if none does.
fn refused(cluster: &Cluster, route: &Entrance, parent: &Parent) -> Option<&'static str> {
    let mut gateways = cluster.entrances.iter().filter(|e| e.kind == "Gateway");
    let named = |e: &&Entrance| e.namespace == parent.namespace && e.name == parent.name;
    let Some(gateway) = gateways.find(named) else {
        return Some("it does not exist");
    };
    let mut left: Vec<&GatewayListener> = gateway.listeners.iter().collect();
    let mut without = |why, keep: &dyn Fn(&GatewayListener) -> bool| {
        left.retain(|l| keep(l));
        left.is_empty().then_some(why)
    };
    let section = |l: &GatewayListener| parent.section.as_ref().is_none_or(|s| *s == l.name);
    let port = |l: &GatewayListener| parent.port.is_none_or(|p| p == l.port);
    without("it has no listener of this name", &section)
        .or_else(|| without("it has no such listener on this port", &port))
        .or_else(|| {
            without("its listener does not take routes of this kind", &|l| {
                takes(l, route.kind)
            })
        })
        .or_else(|| {
            without(
                "its listener does not take routes of this namespace",
                &|l| admits(cluster, gateway, l, &route.namespace),
            )
        })
        .or_else(|| {
            without("its listener is for other hosts", &|l| {
                let hosts = &route.hostnames;
                let own = l.hostname.as_deref().unwrap_or_default();
                own.is_empty() || hosts.is_empty() || hosts.iter().any(|host| meet(own, host))
            })
        })
}

fn takes(listener: &GatewayListener, kind: &str) -> bool {
    match &listener.kinds {
        Some(kinds) => kinds.iter().any(|k| k == kind),
        None => match listener.protocol.as_str() {
            "HTTP" | "HTTPS" => kind != "TCPRoute",
            "TCP" | "TLS" => kind == "TCPRoute",
            "UDP" => false,
            // A protocol of the controller's own.
            _ => true,
        },
    }
}

/// Whether routes of a namespace may be attached. Labels that are not given may be the right ones.
fn admits(
    cluster: &Cluster,
    gateway: &Entrance,
    listener: &GatewayListener,
    namespace: &str,
) -> bool {
    match &listener.from {
        Admitted::All => true,
        Admitted::Nobody => false,
        Admitted::Same => gateway.namespace == namespace,
        Admitted::Selected(selector) => {
            let mut all = cluster.namespaces.iter();
            let found = all.find(|n| n.name == namespace);
            found.is_none_or(|n| {
                let open = if n.given { Open::Closed } else { Open::All };
                selector.known(&n.labels, open) != Some(false)
            })
        }
    }
}

/// Whether two hosts meet; `*.example.com` is each name that ends so, and not `example.com`.
fn meet(a: &str, b: &str) -> bool {
    let under = |wild: &str, other: &str| {
        let end = wild.strip_prefix('*');
        end.is_some_and(|end| other.len() > end.len() && other.ends_with(end))
    };
    a.eq_ignore_ascii_case(b) || under(a, b) || under(b, a)
}
