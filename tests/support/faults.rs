//! What can be wrong with a cluster: addresses, listeners, links, rules.

use super::draft::Draft;
use super::generate::IdealRules;
use super::rng::Rng;

/// Puts one fault into a cluster. Some come to nothing: there is no link to remove, or a rule never matches.
pub fn one(rng: &mut Rng, draft: &mut Draft, v6: bool, ideal: impl Fn(&Draft) -> IdealRules) {
    match rng.weighted(&[10, 4, 4, 4, 6, 6, 14, 3, 26, 3, 12, 8, 6, 8]) {
        0 => share_address(rng, draft),
        1 => {
            if let Some(pod) = some(rng, &mut draft.pods) {
                pod.addresses.clear();
            }
        }
        2 => {
            if let Some(node) = some(rng, &mut draft.nodes) {
                node.addresses.clear();
            }
        }
        3 => {
            let address = *rng.pick(&["127.0.0.1", "127.0.0.1", "127.0.0.5", "::1"]);
            if let Some(pod) = some(rng, &mut draft.pods) {
                add(&mut pod.addresses, address, rng);
            }
        }
        4 => clash(rng, draft),
        5 => misplace_endpoint(rng, draft),
        6 => remove_link(rng, draft),
        7 => {
            let (x, y) = odd_link(rng, draft);
            add_link(draft, x, y);
        }
        8 => explicit_rule(rng, draft, v6),
        9 => {
            let switches = draft.switches();
            if !switches.is_empty() {
                let at = rng.pick(&switches).clone();
                draft.fib(&at).none = true;
                for _ in 0..rng.between(0, 2) {
                    explicit_rule(rng, draft, v6);
                }
            }
        }
        10 => remove_rule(rng, draft, &ideal),
        11 => masquerade(rng, draft),
        12 => redirect(rng, draft),
        _ => misroute(rng, draft),
    }
}

/// Two different ones of the addresses that pods, nodes and services hold, of one family, pods' mostly.
fn pair(rng: &mut Rng, draft: &Draft) -> Option<(String, String)> {
    let pods: Vec<String> = draft
        .pods
        .iter()
        .flat_map(|p| p.addresses.clone())
        .filter(|a| !a.starts_with("127."))
        .collect();
    let all = held(draft);
    let first = if pods.is_empty() || rng.percent(15) {
        &all
    } else {
        &pods
    };
    let first = first.get(rng.below(first.len()))?.clone();
    let others: Vec<&String> = all
        .iter()
        .filter(|a| **a != first && a.contains(':') == first.contains(':'))
        .collect();
    Some((first, (*others.get(rng.below(others.len()))?).clone()))
}

fn rule_at_node(rng: &mut Rng, draft: &mut Draft, rule: String) {
    if draft.nodes.is_empty() {
        return;
    }
    let at = format!("node/{}", rng.pick(&draft.nodes).name);
    draft.fib(&at).before.push(rule);
}

/// A node gives what a pod sends another source.
fn masquerade(rng: &mut Rng, draft: &mut Draft) {
    let Some((from, source)) = pair(rng, draft) else {
        return;
    };
    let to = pair(rng, draft)
        .filter(|_| rng.percent(60))
        .filter(|(to, _)| to.contains(':') == from.contains(':'));
    let to = to.map_or(String::new(), |(to, _)| format!("to: \"{to}\", "));
    let port = if rng.percent(20) {
        ", fromPort: 49152"
    } else {
        ""
    };
    rule_at_node(
        rng,
        draft,
        format!("{{from: \"{from}\", {to}action: {{translate: {{from: \"{source}\"{port}}}}}}}"),
    );
}

/// A node or pod sends what is for one address to another.
fn redirect(rng: &mut Rng, draft: &mut Draft) {
    let Some((to, other)) = pair(rng, draft) else {
        return;
    };
    let port = if rng.percent(40) {
        format!("toPort: {}, ", ports(rng))
    } else {
        String::new()
    };
    let new = if rng.percent(40) {
        ", toPort: 8080"
    } else {
        ""
    };
    let rule = format!("{{to: \"{to}\", {port}action: {{translate: {{to: \"{other}\"{new}}}}}}}");
    if rng.percent(25) && !draft.pods.is_empty() {
        let at = rng.pick(&draft.pods).full();
        draft.fib(&at).before.push(rule);
    } else {
        rule_at_node(rng, draft, rule);
    }
}

/// A node forwards what is for an address to another switch than it should.
fn misroute(rng: &mut Rng, draft: &mut Draft) {
    let (Some((to, _)), switches) = (pair(rng, draft), draft.switches()) else {
        return;
    };
    // Two Services and nobody else have addresses all the same.
    if switches.is_empty() {
        return;
    }
    let next = rng.pick(&switches).clone();
    rule_at_node(
        rng,
        draft,
        format!("{{to: \"{to}\", action: {{forward: {next}}}}}"),
    );
}

fn some<'a, T>(rng: &mut Rng, all: &'a mut [T]) -> Option<&'a mut T> {
    let index = rng.below(all.len());
    all.get_mut(index)
}

fn add(addresses: &mut Vec<String>, address: &str, rng: &mut Rng) {
    if addresses.iter().any(|a| a == address) {
        return;
    }
    match rng.below(3) {
        0 => addresses.push(address.to_owned()),
        1 => addresses.insert(0, address.to_owned()),
        _ => *addresses = vec![address.to_owned()],
    }
}

/// All addresses in the cluster, loopback left out.
fn held(draft: &Draft) -> Vec<String> {
    let pods = draft.pods.iter().flat_map(|p| &p.addresses);
    let nodes = draft.nodes.iter().flat_map(|n| &n.addresses);
    let services = draft.services.iter().flat_map(|s| &s.addresses);
    let all = pods
        .chain(nodes)
        .chain(services)
        .filter(|a| !a.starts_with("127.") && *a != "::1");
    all.cloned().collect()
}

/// An address of one entity goes to another one too.
fn share_address(rng: &mut Rng, draft: &mut Draft) {
    let all = held(draft);
    if all.is_empty() {
        return;
    }
    let address = rng.pick(&all).clone();
    let (pods, nodes, services) = (draft.pods.len(), draft.nodes.len(), draft.services.len());
    let index = rng.below(2 * pods + nodes + services);
    let addresses = if index < 2 * pods {
        draft.pods.get_mut(index / 2).map(|p| &mut p.addresses)
    } else if index < 2 * pods + nodes {
        draft
            .nodes
            .get_mut(index - 2 * pods)
            .map(|n| &mut n.addresses)
    } else {
        draft
            .services
            .get_mut(index - 2 * pods - nodes)
            .map(|s| &mut s.addresses)
    };
    if let Some(addresses) = addresses {
        add(addresses, &address, rng);
    }
}

/// One more listener, on a port that another process may have.
fn clash(rng: &mut Rng, draft: &mut Draft) {
    let port = *rng.pick(&[
        "8080",
        "9090",
        "127.0.0.1:8080",
        "0.0.0.0:8080",
        "[::1]:9090",
        "8080/UDP",
        "53/UDP",
    ]);
    let pods = draft.pods.iter_mut().flat_map(|p| &mut p.containers);
    let mut all: Vec<_> = pods
        .chain(draft.nodes.iter_mut().flat_map(|n| &mut n.daemons))
        .collect();
    let index = rng.below(all.len());
    if let Some(process) = all.get_mut(index)
        && !process
            .open
            .iter()
            .any(|o| o.trim_end_matches("/TCP") == port)
    {
        process.open.push(port.to_owned());
    }
}

/// An endpoint that need not listen, or a target port that is another.
fn misplace_endpoint(rng: &mut Rng, draft: &mut Draft) {
    let pods: Vec<String> = draft.pods.iter().map(super::draft::Pod::full).collect();
    let target = *rng.pick(&[8080, 9090, 53]);
    if let Some(service) = some(rng, &mut draft.services) {
        if rng.percent(40) {
            if let Some(port) = service.ports.first_mut() {
                port.2 = target;
            }
        } else if !pods.is_empty() {
            let pod = rng.pick(&pods);
            if !service.endpoints.contains(pod) {
                service.endpoints.push(pod.clone());
            }
        }
    }
}

/// The ideal links.
fn links(draft: &Draft) -> Vec<(String, String)> {
    let mut all = draft.processes();
    all.extend(
        draft
            .pods
            .iter()
            .map(|p| (p.full(), format!("node/{}", p.node))),
    );
    for node in &draft.nodes {
        let others = draft.nodes.iter().filter(|o| o.name > node.name);
        all.extend(others.map(|o| (format!("node/{}", node.name), format!("node/{}", o.name))));
        if !draft.externals.is_empty() {
            all.push((format!("node/{}", node.name), "outside".to_owned()));
        }
    }
    let back: Vec<_> = all.iter().map(|(x, y)| (y.clone(), x.clone())).collect();
    all.into_iter().chain(back).collect()
}

fn remove_link(rng: &mut Rng, draft: &mut Draft) {
    let all = links(draft);
    if all.is_empty() {
        return;
    }
    let link = rng.pick(&all).clone();
    if !draft.removed.contains(&link) {
        draft.removed.push(link);
    }
}

/// Any two entities: pod to pod, node to container, a container to a foreign pod.
fn odd_link(rng: &mut Rng, draft: &Draft) -> (String, String) {
    let mut all = draft.switches();
    all.extend(draft.processes().into_iter().map(|(name, _)| name));
    if all.is_empty() {
        return ("outside".to_owned(), "outside".to_owned());
    }
    (rng.pick(&all).clone(), rng.pick(&all).clone())
}

fn add_link(draft: &mut Draft, x: String, y: String) {
    let link = (x, y);
    if link.0 != link.1 && !links(draft).contains(&link) && !draft.added.contains(&link) {
        draft.added.push(link);
    }
}

fn remove_rule(rng: &mut Rng, draft: &mut Draft, ideal: impl Fn(&Draft) -> IdealRules) {
    let switches = ideal(draft);
    if switches.is_empty() {
        return;
    }
    let (at, rules) = rng.pick(&switches);
    if !rules.is_empty() {
        let rule = rng.pick(rules).clone();
        let fib = draft.fib(at);
        if !fib.remove.contains(&rule) {
            fib.remove.push(rule);
        }
    }
}

/// An address or prefix to match, of one family.
fn prefix(rng: &mut Rng, draft: &Draft, v6: bool) -> String {
    let own: Vec<String> = held(draft)
        .into_iter()
        .filter(|a| a.contains(':') == v6)
        .collect();
    if !own.is_empty() && rng.percent(55) {
        return rng.pick(&own).clone();
    }
    let v4 = [
        "10.0.0.0/8",
        "10.1.0.0/24",
        "0.0.0.0/0",
        "10.1.0.0/30",
        "10.9.9.9",
        "127.0.0.1",
        "127.0.0.0/8",
        "10.1.0.2/31",
    ];
    let six = [
        "fd00::/16",
        "fd00:1::/64",
        "::/0",
        "::/64",
        "fd00:1::9",
        "::1",
        "::1:0/112",
        "8000::/1",
    ];
    (*rng.pick(if v6 { &six } else { &v4 })).to_owned()
}

fn ports(rng: &mut Rng) -> &'static str {
    rng.pick::<&str>(&[
        "8080",
        "8080",
        "9090",
        "80",
        "8000-8081",
        "\"1-1024,8080\"",
        "49152-65535",
        "49152",
        "8081",
        "\"53,9090\"",
        "1-65535",
    ])
}

fn explicit_rule(rng: &mut Rng, draft: &mut Draft, v6: bool) {
    let switches = draft.switches();
    if switches.is_empty() {
        return;
    }
    let at = rng.pick(&switches).clone();
    let v6 = v6 && rng.percent(50);
    let mut parts = Vec::new();
    if rng.percent(30) {
        parts.push(format!("from: \"{}\"", prefix(rng, draft, v6)));
    }
    if rng.percent(12) {
        parts.push(format!("fromPort: {}", ports(rng)));
    }
    if rng.percent(75) {
        parts.push(format!("to: \"{}\"", prefix(rng, draft, v6)));
    }
    if rng.percent(35) {
        parts.push(format!("toPort: {}", ports(rng)));
    }
    if rng.percent(25) {
        parts.push(format!("protocol: {}", rng.pick(&["TCP", "UDP", "SCTP"])));
    }
    let action = match rng.weighted(&[32, 20, 14, 34]) {
        0 => {
            let next = rng.pick(&switches).clone();
            if rng.percent(40) {
                add_link(draft, at.clone(), next.clone());
            }
            format!("{{forward: {next}}}")
        }
        1 => {
            let mut all = draft.processes();
            if rng.percent(60) {
                all.retain(|(_, home)| *home == at);
            }
            if all.is_empty() {
                return;
            }
            let to = rng.pick(&all).0.clone();
            if rng.percent(30) {
                add_link(draft, at.clone(), to.clone());
            }
            format!("{{deliver: {to}}}")
        }
        2 => "{discard: fault}".to_owned(),
        _ => format!("{{translate: {{{}}}}}", translation(rng, draft, v6)),
    };
    parts.push(format!("action: {action}"));
    let rule = format!("{{{}}}", parts.join(", "));
    let before = rng.percent(75);
    let fib = draft.fib(&at);
    if before {
        fib.before.push(rule)
    } else {
        fib.after.push(rule)
    }
}

/// New addresses and ports, at least one.
fn translation(rng: &mut Rng, draft: &Draft, v6: bool) -> String {
    let mut parts = Vec::new();
    let host = |rng: &mut Rng| {
        let own: Vec<String> = held(draft)
            .into_iter()
            .filter(|a| a.contains(':') == v6)
            .collect();
        match rng.below(20) {
            0 => if v6 { "::1" } else { "127.0.0.1" }.to_owned(),
            1 | 2 => if v6 { "fd00:1::9" } else { "10.9.9.9" }.to_owned(),
            _ if own.is_empty() => if v6 { "::7" } else { "10.9.9.8" }.to_owned(),
            _ => rng.pick(&own).clone(),
        }
    };
    let what = rng.weighted(&[40, 25, 15, 10, 10]);
    if what == 0 || what == 2 {
        parts.push(format!("to: \"{}\"", host(rng)));
    }
    if what == 1 || what == 2 {
        parts.push(format!("from: \"{}\"", host(rng)));
    }
    let port = *rng.pick(&[8080, 9090, 8081, 53, 49152]);
    if what == 3 || rng.percent(20) {
        parts.push(format!("toPort: {port}"));
    }
    if what == 4 || rng.percent(8) {
        parts.push(format!("fromPort: {port}"));
    }
    parts.join(", ")
}
