//! What says whether a route is attached to a Gateway: listeners, and references to them.
//!
//! Source: gateway-api.sigs.k8s.io, *API specification*: `Listener`, `AllowedRoutes`, `ParentReference`.
//! Must never know: which routes and Gateways there are.

use super::super::selector;
use super::GROUP;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node;
use crate::model::route::{Admitted, GatewayListener, Parent};

/// Reads a listener.
pub(super) fn listener(node: Node<'_>, problems: &mut Problems) -> Option<GatewayListener> {
    let mut fields = Fields::of(node, "a listener", problems)?;
    let name = fields.required("name", problems);
    let name = name.and_then(|n| decode::name(n, problems));
    let port = fields.required("port", problems);
    let port = port.and_then(|n| decode::port(n, problems));
    let protocol = fields.required("protocol", problems);
    let protocol = protocol.and_then(|n| decode::string(n, problems));
    let hostname = word(&mut fields, "hostname", problems);
    fields.entry("tls");
    let allowed = fields.get("allowedRoutes");
    fields.finish(problems);
    let (from, kinds) = match allowed {
        None => (Admitted::Same, None),
        Some(node) => admitted(node, problems)?,
    };
    Some(GatewayListener {
        name: name?.to_owned(),
        port: port?,
        protocol: protocol?.to_owned(),
        hostname,
        from,
        kinds,
    })
}

type Admission = (Admitted, Option<Vec<String>>);

fn admitted(node: Node<'_>, problems: &mut Problems) -> Option<Admission> {
    let mut fields = Fields::of(node, "`allowedRoutes`", problems)?;
    let namespaces = fields.get("namespaces");
    let mut kinds = Vec::new();
    for item in fields.list("kinds", problems).collect::<Vec<_>>() {
        let Some(mut fields) = Fields::of(item, "a kind of routes", problems) else {
            continue;
        };
        let group = word(&mut fields, "group", problems);
        let kind = fields.required("kind", problems);
        let kind = kind.and_then(|n| decode::string(n, problems));
        let ours = group.is_none_or(|g| g == GROUP);
        // Kinds of others are none of those that are read.
        kinds.extend(kind.map(|k| if ours { k.to_owned() } else { String::new() }));
        fields.finish(problems);
    }
    fields.finish(problems);
    let kinds = (!kinds.is_empty()).then_some(kinds);
    let Some(node) = namespaces else {
        return Some((Admitted::Same, kinds));
    };
    let mut fields = Fields::of(node, "`namespaces` of a listener", problems)?;
    let words = ["Same", "All", "Selector", "None"].map(|w| (w, w));
    let from = fields.get("from");
    let from = from.map_or(Some("Same"), |n| decode::choice(n, &words, problems));
    let selected = fields.get("selector");
    let selected = selected.and_then(|n| selector::read(n, problems));
    fields.finish(problems);
    let from = match from? {
        "All" => Admitted::All,
        "None" => Admitted::Nobody,
        "Selector" => selected.map_or(Admitted::Nobody, Admitted::Selected),
        _ => Admitted::Same,
    };
    Some((from, kinds))
}

/// Reads the Gateways that a route wants to be attached to; other kinds of parents are the controller's own.
pub(super) fn parents(spec: &mut Fields<'_>, problems: &mut Problems) -> Vec<Parent> {
    let mut all = Vec::new();
    for item in spec.list("parentRefs", problems).collect::<Vec<_>>() {
        let Some(mut fields) = Fields::of(item, "a parent of a route", problems) else {
            continue;
        };
        let group = word(&mut fields, "group", problems);
        let kind = word(&mut fields, "kind", problems);
        let namespace = word(&mut fields, "namespace", problems);
        let name = fields.required("name", problems);
        let name = name.and_then(|n| decode::name(n, problems));
        let section = word(&mut fields, "sectionName", problems);
        let port = fields.get("port").and_then(|n| decode::port(n, problems));
        let origin = fields.span();
        fields.finish(problems);
        let ours = group.is_none_or(|g| g == GROUP) && kind.is_none_or(|k| k == "Gateway");
        all.extend(name.filter(|_| ours).map(|name| Parent {
            namespace: namespace.unwrap_or_default(),
            name: name.to_owned(),
            section,
            port,
            origin,
        }));
    }
    all
}

/// A text that says something.
pub(super) fn word(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<String> {
    let node = fields.get(key)?;
    decode::string(node, problems).map(str::to_owned)
}
