//! Gateway API: Gateway, routes, ReferenceGrant.
//!
//! What is read is where routes send to, who lets them, and to which Gateways they are attached (`attach`). Matches, filters and timeouts are left to the
//! controller, which is not modelled; its schema lets vendors add to them, so that only the fields that lead to backends
//! are checked one by one. Must never know: whether backends exist (`findings`).

mod attach;

use super::meta::Meta;
use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::route::{Backend, BackendPort, Entrance};
use attach::word;

/// A Gateway as written.
#[derive(Debug)]
pub struct GatewayObject {
    /// What it is, without backends of its own.
    pub entrance: Entrance,
}

/// A route as written.
#[derive(Debug)]
pub struct RouteObject {
    /// What it brings in.
    pub entrance: Entrance,
}

/// A `ReferenceGrant` as written.
#[derive(Debug)]
pub struct GrantObject {
    /// The namespace of what may be referred to.
    pub namespace: String,
    /// Who may: group, kind and namespace.
    pub from: Vec<(String, String, String)>,
    /// What: group, kind, and a name where it is one only.
    pub to: Vec<(String, String, Option<String>)>,
}

/// The group of routes.
const GROUP: &str = "gateway.networking.k8s.io";

/// Reads a Gateway.
pub(super) fn read_gateway(node: Node<'_>, problems: &mut Problems) -> Option<GatewayObject> {
    let before = problems.errors();
    let (meta, spec) = object(node, "a Gateway", problems)?;
    let mut spec = Fields::of(spec, "`spec` of a Gateway", problems)?;
    let class = spec.required("gatewayClassName", problems);
    class.and_then(|n| decode::string(n, problems));
    let listeners: Vec<Node<'_>> = spec.list("listeners", problems).collect();
    if listeners.is_empty() {
        let message = "a Gateway wants at least one listener";
        problems.push(Diagnostic::error("K209", spec.span(), message));
    }
    let listeners: Vec<_> = listeners
        .into_iter()
        .filter_map(|listener| attach::listener(listener, problems))
        .collect();
    for key in [
        "addresses",
        "infrastructure",
        "backendTLS",
        "allowedListeners",
        "tls",
        "defaultScope",
    ] {
        spec.entry(key);
    }
    spec.finish(problems);
    let meta = meta.filter(|_| problems.errors() == before)?;
    Some(GatewayObject {
        entrance: Entrance {
            listeners,
            ..entrance("Gateway", meta, Vec::new())
        },
    })
}

/// Reads a route of this kind.
pub(super) fn read_route(
    kind: &str,
    node: Node<'_>,
    problems: &mut Problems,
) -> Option<RouteObject> {
    let before = problems.errors();
    let kinds = ["HTTPRoute", "GRPCRoute", "TCPRoute"];
    let kind = kinds.into_iter().find(|k| *k == kind)?;
    let (meta, spec) = object(node, "a route", problems)?;
    let mut spec = Fields::of(spec, "`spec` of a route", problems)?;
    spec.entry("useDefaultGateways");
    let mut parents = attach::parents(&mut spec, problems);
    let hostnames = spec.list("hostnames", problems).collect::<Vec<_>>();
    let hostnames = hostnames.into_iter();
    let hostnames: Vec<String> = hostnames
        .filter_map(|n| decode::string(n, problems).map(str::to_owned))
        .collect();
    let mut backends = Vec::new();
    for rule in spec.list("rules", problems).collect::<Vec<_>>() {
        let Some(mut rule) = Fields::of(rule, "a rule of a route", problems) else {
            continue;
        };
        for key in ["name", "matches", "timeouts", "retry", "sessionPersistence"] {
            rule.entry(key);
        }
        filters(&mut rule, &mut backends, problems);
        for to in rule.list("backendRefs", problems).collect::<Vec<_>>() {
            let mut copies = Vec::new();
            backends.extend(backend(to, &mut copies, problems));
            backends.extend(copies);
        }
        rule.finish(problems);
    }
    spec.finish(problems);
    let meta = meta.filter(|_| problems.errors() == before)?;
    for backend in &mut backends {
        if backend.namespace.is_empty() {
            backend.namespace.clone_from(&meta.namespace);
        }
    }
    for parent in &mut parents {
        if parent.namespace.is_empty() {
            parent.namespace.clone_from(&meta.namespace);
        }
    }
    Some(RouteObject {
        entrance: Entrance {
            parents,
            hostnames,
            ..entrance(kind, meta, backends)
        },
    })
}

/// Of filters, the one that sends a copy somewhere.
fn filters(rule: &mut Fields<'_>, backends: &mut Vec<Backend>, problems: &mut Problems) {
    for filter in rule.list("filters", problems).collect::<Vec<_>>() {
        let mirror = filter.as_map().and_then(|m| m.get("requestMirror"));
        let to = mirror.and_then(|e| e.value.as_map()?.get("backendRef"));
        let to = to.and_then(|e| backend(e.value, &mut Vec::new(), problems));
        backends.extend(to);
    }
}

fn backend(node: Node<'_>, copies: &mut Vec<Backend>, problems: &mut Problems) -> Option<Backend> {
    let mut fields = Fields::of(node, "a backend", problems)?;
    let group = word(&mut fields, "group", problems);
    let kind = word(&mut fields, "kind", problems);
    let namespace = word(&mut fields, "namespace", problems);
    let name = fields.required("name", problems);
    let name = name.and_then(|n| decode::name(n, problems));
    let port = fields.get("port");
    let number = port.and_then(|n| decode::port(n, problems));
    if let Some(weight) = fields.get("weight") {
        decode::integer(weight, 0..=1_000_000, problems);
    }
    filters(&mut fields, copies, problems);
    let origin = fields.span();
    let service = group.as_deref().unwrap_or("").is_empty()
        && kind.as_deref().unwrap_or("Service") == "Service";
    if service && port.is_none() {
        let message = "a backend that is a Service wants a `port`";
        problems.push(Diagnostic::error("K209", origin, message));
    }
    fields.finish(problems);
    // Other kinds of backends are the controller's own.
    service.then_some(())?;
    Some(Backend {
        namespace: namespace.unwrap_or_default(),
        name: name?.to_owned(),
        port: number.map(BackendPort::Number),
        granted: true,
        origin,
    })
}

/// Reads a `ReferenceGrant`.
pub(super) fn read_grant(node: Node<'_>, problems: &mut Problems) -> Option<GrantObject> {
    let before = problems.errors();
    let (meta, spec) = object(node, "a ReferenceGrant", problems)?;
    let mut spec = Fields::of(spec, "`spec` of a ReferenceGrant", problems)?;
    let mut from = Vec::new();
    for node in spec.list("from", problems).collect::<Vec<_>>() {
        let Some(mut fields) = Fields::of(node, "`from` of a ReferenceGrant", problems) else {
            continue;
        };
        let mut wanted = |key| {
            let node = fields.required(key, problems);
            let text = node.and_then(|n| decode::string(n, problems));
            text.unwrap_or_default().to_owned()
        };
        from.push((wanted("group"), wanted("kind"), wanted("namespace")));
        fields.finish(problems);
    }
    let mut to = Vec::new();
    for node in spec.list("to", problems).collect::<Vec<_>>() {
        let Some(mut fields) = Fields::of(node, "`to` of a ReferenceGrant", problems) else {
            continue;
        };
        let group = word(&mut fields, "group", problems).unwrap_or_default();
        let kind = fields.required("kind", problems);
        let kind = kind.and_then(|n| decode::string(n, problems));
        let name = word(&mut fields, "name", problems).filter(|n| !n.is_empty());
        to.push((group, kind.unwrap_or_default().to_owned(), name));
        fields.finish(problems);
    }
    spec.finish(problems);
    let meta = meta.filter(|_| problems.errors() == before)?;
    Some(GrantObject {
        namespace: meta.namespace,
        from,
        to,
    })
}

/// Everything that brings messages in. A backend in another namespace wants a grant there.
pub(super) fn entrances(
    ingresses: &[super::ingress::IngressObject],
    gateways: &[GatewayObject],
    routes: &[RouteObject],
    grants: &[GrantObject],
) -> Vec<Entrance> {
    let mut all: Vec<Entrance> = Vec::new();
    all.extend(ingresses.iter().map(|i| i.entrance.clone()));
    all.extend(gateways.iter().map(|g| g.entrance.clone()));
    for route in routes {
        let mut entrance = route.entrance.clone();
        for backend in &mut entrance.backends {
            backend.granted = backend.namespace == entrance.namespace
                || grants.iter().any(|grant| {
                    let from = |(group, kind, namespace): &(String, String, String)| {
                        group == GROUP && kind == entrance.kind && *namespace == entrance.namespace
                    };
                    let to = |(group, kind, name): &(String, String, Option<String>)| {
                        group.is_empty()
                            && kind == "Service"
                            && name.as_ref().is_none_or(|n| *n == backend.name)
                    };
                    grant.namespace == backend.namespace
                        && grant.from.iter().any(from)
                        && grant.to.iter().any(to)
                });
        }
        all.push(entrance);
    }
    all.sort_by(|a, b| {
        let key = |e: &Entrance| (e.kind, e.namespace.clone(), e.name.clone());
        key(a).cmp(&key(b))
    });
    all
}

fn object<'t>(
    node: Node<'t>,
    what: &'static str,
    problems: &mut Problems,
) -> Option<(Option<Meta>, Node<'t>)> {
    let mut object = Fields::of(node, what, problems)?;
    object.entry("apiVersion");
    object.entry("kind");
    object.entry("status");
    let meta = Meta::read(&mut object, problems);
    let spec = object.required("spec", problems);
    object.finish(problems);
    Some((meta, spec?))
}

fn entrance(kind: &'static str, meta: Meta, backends: Vec<Backend>) -> Entrance {
    Entrance {
        kind,
        namespace: meta.namespace,
        name: meta.name,
        origin: meta.span,
        backends,
        listeners: Vec::new(),
        parents: Vec::new(),
        hostnames: Vec::new(),
    }
}
