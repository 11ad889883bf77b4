//! `networking.k8s.io/v1` Ingress.
//!
//! Hosts and paths are checked and left aside: which backends there are is read, not which of them a request meets.
//! Must never know: whether its backends exist (`findings`).

use super::meta::Meta;
use crate::base::diag::Diagnostic;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::route::{Backend, BackendPort, Entrance};

/// An Ingress as written.
#[derive(Debug)]
pub struct IngressObject {
    /// What it brings in.
    pub entrance: Entrance,
}

/// Reads one.
pub(super) fn read(node: Node<'_>, problems: &mut Problems) -> Option<IngressObject> {
    let before = problems.errors();
    let mut object = Fields::of(node, "an Ingress", problems)?;
    object.entry("apiVersion");
    object.entry("kind");
    object.entry("status");
    let meta = Meta::read(&mut object, problems);
    let spec = object.required("spec", problems);
    object.finish(problems);
    let mut fields = Fields::of(spec?, "`spec` of an Ingress", problems)?;
    let mut backends = Vec::new();
    if let Some(class) = fields.get("ingressClassName") {
        decode::string(class, problems);
    }
    let default = fields.get("defaultBackend");
    backends.extend(default.and_then(|n| backend(n, problems)));
    let rules: Vec<Node<'_>> = fields.list("rules", problems).collect();
    if default.is_none() && rules.is_empty() {
        let message = "an Ingress wants `rules` or a `defaultBackend`";
        problems.push(Diagnostic::error("K208", fields.span(), message));
    }
    for rule in rules {
        backends.extend(read_rule(rule, problems));
    }
    for tls in fields.list("tls", problems).collect::<Vec<_>>() {
        if let Some(mut tls) = Fields::of(tls, "`tls` of an Ingress", problems) {
            for host in tls.list("hosts", problems).collect::<Vec<_>>() {
                decode::string(host, problems);
            }
            if let Some(secret) = tls.get("secretName") {
                decode::string(secret, problems);
            }
            tls.finish(problems);
        }
    }
    fields.finish(problems);
    let meta = meta.filter(|_| problems.errors() == before)?;
    for backend in &mut backends {
        backend.namespace.clone_from(&meta.namespace);
    }
    Some(IngressObject {
        entrance: Entrance {
            kind: "Ingress",
            namespace: meta.namespace,
            name: meta.name,
            origin: meta.span,
            backends,
            listeners: Vec::new(),
            parents: Vec::new(),
            hostnames: Vec::new(),
        },
    })
}

fn read_rule(node: Node<'_>, problems: &mut Problems) -> Vec<Backend> {
    let mut backends = Vec::new();
    let Some(mut rule) = Fields::of(node, "a rule of an Ingress", problems) else {
        return backends;
    };
    if let Some(host) = rule.get("host") {
        host_name(host, problems);
    }
    let http = rule.get("http");
    rule.finish(problems);
    let Some(mut http) = http.and_then(|n| Fields::of(n, "`http` of an Ingress", problems)) else {
        return backends;
    };
    let paths: Vec<Node<'_>> = http.list("paths", problems).collect();
    if paths.is_empty() {
        let message = "`http` of an Ingress wants at least one path";
        problems.push(Diagnostic::error("K208", http.span(), message));
    }
    for path in paths {
        let Some(mut path) = Fields::of(path, "a path of an Ingress", problems) else {
            continue;
        };
        let kinds = [
            ("Exact", true),
            ("Prefix", true),
            ("ImplementationSpecific", false),
        ];
        let kind = path.required("pathType", problems);
        let absolute = kind.and_then(|n| decode::choice(n, &kinds, problems));
        if let Some(node) = path.get("path") {
            let text = decode::string(node, problems);
            if absolute == Some(true) && text.is_some_and(|t| !t.starts_with('/')) {
                let message = "a path begins with `/`";
                problems.push(Diagnostic::error("K208", node.span(), message));
            }
        } else if absolute == Some(true) {
            let message = "a `pathType` of `Exact` or `Prefix` wants a `path`";
            problems.push(Diagnostic::error("K208", path.span(), message));
        }
        let to = path.required("backend", problems);
        backends.extend(to.and_then(|n| backend(n, problems)));
        path.finish(problems);
    }
    http.finish(problems);
    backends
}

/// A host name, or `*.` before one.
fn host_name(node: Node<'_>, problems: &mut Problems) {
    let Some(text) = decode::string(node, problems) else {
        return;
    };
    let name = text.strip_prefix("*.").unwrap_or(text);
    let part = |p: &str| {
        !p.is_empty()
            && !p.starts_with('-')
            && !p.ends_with('-')
            && p.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    if !text.is_empty() && (is_address || !name.split('.').all(part)) {
        let message = format!("{} is no host name", decode::show(text));
        let help = "names in lower case with dots between them, `*.` before them at most";
        problems.push(Diagnostic::error("K208", node.span(), message).help(help));
    }
}

/// A backend; one that is another resource than a Service is nothing that is modelled.
fn backend(node: Node<'_>, problems: &mut Problems) -> Option<Backend> {
    let mut fields = Fields::of(node, "a backend", problems)?;
    let service = fields.get("service");
    let resource = fields.get("resource");
    if service.is_some() == resource.is_some() {
        let message = "a backend wants either `service` or `resource`";
        problems.push(Diagnostic::error("K208", fields.span(), message));
    }
    fields.finish(problems);
    let mut service = Fields::of(service?, "a backend's `service`", problems)?;
    let name = service.required("name", problems);
    let name = name.and_then(|n| decode::name(n, problems));
    let origin = service.span();
    let port = service.required("port", problems);
    service.finish(problems);
    let mut port = Fields::of(port?, "a backend's `port`", problems)?;
    let (number, word) = (port.get("number"), port.get("name"));
    if number.is_some() == word.is_some() {
        let message = "the port of a backend wants either `number` or `name`";
        problems.push(Diagnostic::error("K208", port.span(), message));
    }
    port.finish(problems);
    let number = number.and_then(|n| decode::port(n, problems));
    let word = word.and_then(|n| decode::string(n, problems));
    let word = word.map(|w| BackendPort::Name(w.to_owned()));
    Some(Backend {
        namespace: String::new(),
        name: name?.to_owned(),
        port: number.map(BackendPort::Number).or(word),
        granted: true,
        origin,
    })
}
