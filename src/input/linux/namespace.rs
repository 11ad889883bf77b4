//! One network namespace from its dumps.
//!
//! Knows: which dump holds what, and which of them must be there. Must never know: other namespaces, entities.

use std::collections::{BTreeMap, HashMap};

use super::bridge::{self, Learnt};
use super::dumps::Files;
use super::layout::NEEDED;
use super::link::{self, Link};
use super::plain::{self, Heard};
use super::top::Listed;
use super::{firewall, route, rule, settings, strange};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::show;
use crate::input::problems::Problems;
use crate::model::inet::Family;
use crate::model::linux::{LinkKind, NetNs, Role};

/// A namespace before its pairs are matched and its processes named.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) netns: NetNs,
    pub(super) links: Vec<Link>,
    pub(super) netns_ids: HashMap<u32, String>,
    pub(super) learnt: Vec<Learnt>,
    pub(super) heard: Vec<Heard>,
}

/// Reads all dumps of a namespace. What is missing was told.
pub(super) fn read(
    listed: &Listed,
    home: &str,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<Draft> {
    let before = problems.errors();
    if !complete(listed, home, files, problems) {
        return None;
    }
    let mut unmodelled = Vec::new();
    let json =
        |names: &[&str], problems: &mut Problems| files.json(names, problems).map(|(_, json)| json);
    let mut links = Vec::new();
    if let Some(dump) = json(&["link.json"], problems) {
        links = link::links(&dump, &mut unmodelled, problems);
    }
    if let Some(dump) = json(&["addr.json"], problems) {
        link::addresses(&dump, &mut links, problems);
    }
    if let Some(dump) = json(&["bridge-link.json"], problems) {
        bridge::ports(&dump, &mut links, &mut unmodelled, problems);
    }
    let routes = json(&["route-all.json", "route.json"], problems);
    let mut routes = routes.map_or_else(Vec::new, |d| route::routes(&d, &mut unmodelled, problems));
    if !files.has("route-all.json") {
        // The table that the kernel keeps by itself is in no dump of the main table alone.
        routes.extend(route::local(&links));
    }
    let mut rules = Vec::new();
    // `ip -j rule` is of IPv4 alone; what it does not say of IPv6 is as the kernel has it from the beginning.
    for (file, family) in [("rule.json", Family::V4), ("rule6.json", Family::V6)] {
        match files.json(&[file], problems) {
            Some((_, dump)) => {
                rules.extend(rule::rules(&dump, Some(family), &mut unmodelled, problems));
            }
            None => rules.extend(rule::usual(Some(family), listed.origin)),
        }
    }
    rules.sort_by_key(|r| r.priority);
    let mut neighbours = Vec::new();
    for (names, proxy) in [
        (&["neigh.json", "neigh.before.json"][..], false),
        (&["neigh-proxy.json"], true),
    ] {
        if let Some(dump) = json(names, problems) {
            neighbours.extend(bridge::neighbours(&dump, proxy, problems));
        }
    }
    let fdb = json(&["bridge-fdb.json", "bridge-fdb.before.json"], problems);
    let (forwarding, learnt) =
        fdb.map_or_else(Default::default, |d| bridge::forwarding(&d, problems));
    let netns_ids = json(&["netns-ids.json"], problems);
    let netns_ids = netns_ids.map_or_else(HashMap::new, |d| bridge::netns_ids(&d, problems));
    if let Some(dump) = json(&["tc-qdisc.json"], problems) {
        strange::qdiscs(&dump, &mut unmodelled, problems);
    }
    let (chains, sets) = firewall::read(files, &mut unmodelled, problems);
    let sysctls = files.text(&["sysctl.txt"], problems);
    let sysctls = sysctls.map_or_else(BTreeMap::new, |(s, t)| plain::sysctls(s, t, problems));
    settings::settings(&sysctls, &mut unmodelled);
    if let Some((source, text)) = files.text(&["xfrm-policy.txt"], problems) {
        let origin = Span {
            source,
            start: 0,
            end: u32::try_from(text.len()).unwrap_or(u32::MAX),
        };
        strange::encryption(text, origin, &mut unmodelled);
    }
    route::linkdown(&mut routes, &sysctls);
    let heard = files.text(&["ss-listen.txt"], problems);
    let heard = heard.map_or_else(Vec::new, |(s, t)| plain::sockets(s, t, problems));
    let netns = NetNs {
        name: listed.name.clone(),
        role: listed.role,
        entity: None,
        node: listed.node,
        interfaces: Vec::new(),
        routes,
        rules,
        neighbours,
        forwarding,
        chains,
        sets,
        sysctls,
        sockets: Vec::new(),
        unmodelled,
        origin: listed.origin,
    };
    (problems.errors() == before).then_some(Draft {
        netns,
        links,
        netns_ids,
        learnt,
        heard,
    })
}

/// Whether every dump is there that says what no other one says.
fn complete(listed: &Listed, home: &str, files: Files<'_>, problems: &mut Problems) -> bool {
    let folder = if home.is_empty() {
        listed.name.clone()
    } else {
        format!("{home}/{}", listed.name)
    };
    if files.none() {
        let message = format!(
            "the namespace {} has no folder of dumps",
            show(&listed.name)
        );
        let diagnostic = Diagnostic::error("S004", listed.origin, message);
        problems.push(diagnostic.help(format!(
            "its dumps belong into `{folder}/`; `kubeproof collect` takes them"
        )));
        return false;
    }
    let missing = NEEDED
        .iter()
        .filter(|row| !row.iter().any(|file| files.has(file)))
        .map(|row| row.join(" or "));
    let missing: Vec<String> = missing.collect();
    if missing.is_empty() {
        return true;
    }
    let message = format!(
        "dumps of the namespace {} are missing: {}",
        show(&listed.name),
        missing.join(", ")
    );
    let diagnostic = Diagnostic::error("S004", listed.origin, message);
    problems.push(diagnostic.help(format!(
        "they belong into `{folder}/`; a tool that has nothing to tell leaves an empty file or `[]`"
    )));
    false
}

/// Dumps that are not there and would say something in this namespace.
pub(super) fn assumed(draft: &Draft, files: Files<'_>) -> Vec<&'static str> {
    let mut all = Vec::new();
    if !files.has("nft.json") {
        all.push("nft.json");
    }
    let learns = |l: &Link| {
        matches!(
            l.interface.kind,
            LinkKind::Bridge { .. } | LinkKind::Vxlan { .. }
        )
    };
    if draft.links.iter().any(learns)
        && !files.has("bridge-fdb.json")
        && !files.has("bridge-fdb.before.json")
    {
        all.push("bridge-fdb.json");
    }
    let addresses = draft.links.iter().flat_map(|l| &l.interface.addresses);
    let v6 = addresses
        .into_iter()
        .any(|a| a.net.addr().is_ipv6() && a.scope == "global");
    if v6 && !files.has("rule6.json") {
        all.push("rule6.json");
    }
    if v6 && !files.has("ip6tables-save.txt") && !files.has("nft.json") {
        all.push("ip6tables-save.txt");
    }
    all
}

/// The roles whose sockets belong to somebody.
pub(super) fn has_processes(role: Role) -> bool {
    role != Role::Fabric
}
