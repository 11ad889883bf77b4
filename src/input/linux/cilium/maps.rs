//! The maps of Cilium's agent: `cilium endpoint list`, `bpf ipcache list`, `bpf tunnel list`, `service list`, `status`,
//! each with `-o json`.
//!
//! Knows: the words of these dumps. Must never know: what follows for routes and chains.

use std::net::IpAddr;

use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, show};
use crate::input::linux::dumps::Files;
use crate::input::linux::record::{self, Record, records};
use crate::input::problems::Problems;
use crate::input::yaml::{Json, Map, Node, Value};
use crate::model::inet::{IpNet, Protocol};

/// Newer agents have no such map: what it said is in the ipcache.
const TUNNEL: &str = "cilium-tunnel.json";

/// What a node's agent says.
#[derive(Debug, Default)]
pub(super) struct Maps {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) cache: Vec<Cached>,
    pub(super) tunnels: Vec<(IpAddr, IpAddr, Span)>,
    pub(super) services: Vec<Service>,
    pub(super) status: Status,
}

/// A pod of the node, and the device it is behind.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) id: u32,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) device: String,
    pub(super) mac: Option<String>,
    /// Policies are enforced on what comes to it, on what it sends.
    pub(super) enforced: (bool, bool),
    pub(super) origin: Span,
}

/// A prefix that the ipcache knows.
#[derive(Debug)]
pub(super) struct Cached {
    pub(super) prefix: IpNet,
    pub(super) identity: u32,
    /// The node it is behind, where a tunnel leads there.
    pub(super) tunnel: Option<IpAddr>,
    pub(super) encrypted: bool,
    pub(super) text: String,
    pub(super) origin: Span,
}

/// A frontend of a Service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// None: any.
    pub(super) protocol: Option<Protocol>,
    /// `ClusterIP`, for all clients alike.
    pub(super) plain: bool,
    pub(super) backends: Vec<(IpAddr, u16)>,
    pub(super) name: String,
    pub(super) origin: Span,
}

/// What of the agent's status decides.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// Its programs translate what the node itself sends to Services.
    pub(super) replaces_kube_proxy: bool,
    /// Its programs masquerade: outside of these prefixes. The kernel's chains do so elsewhere.
    pub(super) masquerades: bool,
    pub(super) exclusion: Vec<IpNet>,
    /// Something of it that is not modelled.
    pub(super) strange: Option<&'static str>,
    pub(super) origin: Option<Span>,
}

/// Reads the maps.
pub(super) fn read(files: Files<'_>, problems: &mut Problems) -> Maps {
    let mut maps = Maps::default();
    if let Some((_, dump)) = files.json(&["cilium-endpoints.json"], problems) {
        let all = records(&dump, problems);
        maps.endpoints = all
            .into_iter()
            .filter_map(|r| endpoint(r, problems))
            .collect();
    }
    if let Some((_, dump)) = files.json(&["cilium-ipcache.json"], problems) {
        each(&dump, problems, |key, span, value, problems| {
            maps.cache.extend(cached(key, span, value, problems));
        });
    }
    if let Some((_, dump)) = files.json(&[TUNNEL], problems) {
        each(&dump, problems, |key, span, value, problems| {
            let pair = (unported(key), unported(value));
            let (Some(network), Some(node)) = pair else {
                wrong(
                    span,
                    format!(
                        "{} => {} is no entry of the tunnel map",
                        show(key),
                        show(value)
                    ),
                    problems,
                );
                return;
            };
            maps.tunnels.push((network, node, span));
        });
    }
    if let Some((_, dump)) = files.json(&["cilium-services.json"], problems) {
        let all = records(&dump, problems);
        maps.services = all
            .into_iter()
            .filter_map(|r| service(r, problems))
            .collect();
    }
    if let Some((_, dump)) = files.json(&["cilium-status.json"], problems) {
        let top = dump.values().next().and_then(|n| Record::of(n, problems));
        if let Some(top) = top {
            maps.status = status(top, problems);
        }
    }
    maps
}

fn wrong(span: Span, message: String, problems: &mut Problems) {
    problems.push(Diagnostic::error("S006", span, message));
}

/// Every entry of a map that is dumped as an object of lists of texts.
fn each(
    dump: &Json,
    problems: &mut Problems,
    mut take: impl FnMut(&str, Span, &str, &mut Problems),
) {
    for value in dump.values().filter(|n| !n.is_null()) {
        let Some(map) = Record::of(value, problems).map(|r| r.map) else {
            continue;
        };
        for entry in map.iter() {
            let Some(list) = decode::list(entry.value, problems) else {
                continue;
            };
            for item in list.iter() {
                if let Some(text) = decode::string(item, problems) {
                    take(entry.key, entry.key_span, text, problems);
                }
            }
        }
    }
}

/// `10.0.1.0:0` or `10.0.1.0` or `[fd00::]:0`.
fn unported(text: &str) -> Option<IpAddr> {
    record::ip(text).or_else(|| {
        let (host, _) = text.rsplit_once(':')?;
        record::ip(host.trim_start_matches('[').trim_end_matches(']'))
    })
}

/// A field of a field of a field.
fn inner<'t>(record: Record<'t>, path: &[&str]) -> Option<Node<'t>> {
    let (last, first) = path.split_last()?;
    let mut map: Map<'t> = record.map;
    for key in first {
        map = map.get(key)?.value.as_map()?;
    }
    map.get(last).map(|e| e.value).filter(|n| !n.is_null())
}

fn word<'t>(record: Record<'t>, path: &[&str]) -> Option<&'t str> {
    inner(record, path).and_then(Node::as_str)
}

/// What a field must be there for, and is not, is told.
fn needed(record: Record<'_>, path: &[&str], problems: &mut Problems) {
    if !problems.skips() {
        wrong(
            record.start(),
            format!("an object of this dump has no `{}`", path.join(".")),
            problems,
        );
    }
}

fn endpoint(record: Record<'_>, problems: &mut Problems) -> Option<Endpoint> {
    record.needed("id", problems)?;
    let id = record.number("id", problems)?;
    // The host itself is in the list too, and has no device of its own.
    let device = word(record, &["status", "networking", "interface-name"]).unwrap_or_default();
    let at = ["status", "networking", "addressing"];
    let Some(list) = inner(record, &at) else {
        if !device.is_empty() {
            needed(record, &at, problems);
        }
        return None;
    };
    if device.is_empty() || device.starts_with("cilium_") {
        return None;
    }
    let mut addresses = Vec::new();
    for item in decode::list(list, problems)?.iter() {
        let one = Record::of(item, problems)?;
        for key in ["ipv4", "ipv6"] {
            if one.get(key).and_then(Node::as_str) != Some("") {
                addresses.extend(one.address(key, problems));
            }
        }
    }
    let enforced =
        word(record, &["status", "policy", "realized", "policy-enabled"]).unwrap_or("both");
    let origin = inner(record, &["status", "networking", "interface-name"]);
    Some(Endpoint {
        id,
        addresses,
        device: device.to_owned(),
        mac: word(record, &["status", "networking", "mac"]).map(str::to_lowercase),
        enforced: (
            !matches!(enforced, "none" | "egress"),
            !matches!(enforced, "none" | "ingress"),
        ),
        origin: origin.map_or(record.start(), Node::span),
    })
}

/// `identity=1234 encryptkey=0 tunnelendpoint=10.0.0.1 flags=<none>`.
fn cached(key: &str, span: Span, value: &str, problems: &mut Problems) -> Option<Cached> {
    let prefix = record::net(key);
    let field = |name: &str| {
        let mut words = value.split([' ', ',']);
        words.find_map(|w| w.strip_prefix(name)?.strip_prefix('='))
    };
    let identity = field("identity").and_then(|t| t.parse().ok());
    let (Some(prefix), Some(identity)) = (prefix, identity) else {
        wrong(
            span,
            format!(
                "{} => {} is no entry of the ipcache",
                show(key),
                show(value)
            ),
            problems,
        );
        return None;
    };
    let tunnel = field("tunnelendpoint").and_then(record::ip);
    let skipped = field("flags").is_some_and(|f| f.contains("skiptunnel"));
    Some(Cached {
        prefix,
        identity,
        tunnel: tunnel.filter(|ip| !ip.is_unspecified() && !skipped),
        encrypted: field("encryptkey").is_some_and(|k| k != "0"),
        text: format!("Cilium ipcache: {key} {value}"),
        origin: span,
    })
}

fn service(record: Record<'_>, problems: &mut Problems) -> Option<Service> {
    // `realized` is what is in the map; `spec` is what was asked for.
    let spec = inner(record, &["status", "realized"]).or_else(|| record.get("spec"));
    let Some(spec) = spec.and_then(|n| Record::of(n, problems)) else {
        needed(record, &["status", "realized"], problems);
        return None;
    };
    let frontend = spec.needed("frontend-address", problems)?;
    let frontend = Record::of(frontend, problems)?;
    frontend.needed("ip", problems)?;
    let address = frontend.address("ip", problems)?;
    let port = port(frontend, problems)?;
    let protocol = frontend.text("protocol", problems).unwrap_or("ANY");
    let flag = |key| word(spec, &["flags", key]).unwrap_or_default();
    let local = flag("intPolicy") == "Local";
    let plain = flag("type") == "ClusterIP" && !local;
    let mut backends = Vec::new();
    if let Some(list) = spec.get("backend-addresses") {
        for item in decode::list(list, problems)?.iter() {
            let one = Record::of(item, problems)?;
            if !matches!(one.text("state", problems), None | Some("active")) {
                continue;
            }
            one.needed("ip", problems)?;
            backends.push((one.address("ip", problems)?, self::port(one, problems)?));
        }
    }
    let name = match (flag("namespace"), flag("name")) {
        ("", "") => format!("{address}:{port}"),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    Some(Service {
        address,
        port,
        protocol: Protocol::parse(protocol),
        plain: plain && (Protocol::parse(protocol).is_some()),
        backends,
        name,
        origin: frontend.start(),
    })
}

fn port(record: Record<'_>, problems: &mut Problems) -> Option<u16> {
    let node = record.get("port");
    let number = record.number("port", problems).unwrap_or(0);
    let port = u16::try_from(number).ok();
    if port.is_none() {
        let place = node.map_or(record.start(), Node::span);
        wrong(place, "a port is at most 65535".to_owned(), problems);
    }
    port
}

fn status(top: Record<'_>, problems: &mut Problems) -> Status {
    let origin = top.entry("masquerading").map(|e| e.key_span);
    let truth =
        |path: &[&str]| inner(top, path).is_some_and(|n| matches!(n.value(), Value::Bool(true)));
    let replaced = word(top, &["kube-proxy-replacement", "mode"]).unwrap_or_default();
    let mut strange = None;
    if truth(&["masquerading", "ip-masq-agent"]) {
        strange = Some("Cilium's ip-masq-agent");
    }
    if word(top, &["encryption", "mode"]).is_some_and(|m| !matches!(m, "" | "Disabled")) {
        strange = Some("Cilium's encryption between nodes");
    }
    if truth(&["host-firewall", "enabled"])
        || word(top, &["host-firewall", "mode"]) == Some("Enabled")
    {
        strange = Some("Cilium's host firewall");
    }
    let mut exclusion = Vec::new();
    for key in [
        "snat-exclusion-cidr",
        "snat-exclusion-cidr-v4",
        "snat-exclusion-cidr-v6",
    ] {
        if let Some(node) = inner(top, &["masquerading", key]) {
            match node.as_str() {
                Some("") => {}
                Some(text) => match record::net(text) {
                    Some(net) => exclusion.push(net),
                    None => wrong(
                        node.span(),
                        format!("{} is no prefix", show(text)),
                        problems,
                    ),
                },
                None => decode::wrong_type(node, "a string", problems),
            }
        }
    }
    Status {
        replaces_kube_proxy: matches!(replaced, "True" | "Strict" | "true"),
        masquerades: truth(&["masquerading", "enabled"])
            && word(top, &["masquerading", "mode"]) == Some("BPF"),
        exclusion,
        strange,
        origin,
    }
}
