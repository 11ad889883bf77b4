//! Looking up a route: policy rules by priority, then the longest prefix, then the best metric, then the first.
//!
//! The answer is a list for all messages at once: the first entry whose context holds says which route is found.
//! Must never know: devices beyond their names, what a route leads to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::source::Span;
use crate::model::inet::{Family, IpNet};
use crate::model::linux::{NetNs, PolicyRule, Route, RouteType, RuleAction};
use crate::network::fib::DiscardReason;

use super::context::Context;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow<'f> {
    /// The family.
    pub(super) family: Family,
    /// The device it came in by; none where it is sent from here.
    pub(super) incoming: Option<&'f str>,
    /// Its mark.
    pub(super) mark: u32,
    /// The way back: the source is looked up, and the destination is its source.
    pub(super) back: bool,
}

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'s> {
    /// A route.
    Route(&'s Route),
    /// A policy rule that ends the search.
    Rule(&'s PolicyRule),
    /// Nothing.
    Nothing,
}

impl Found<'_> {
    /// As it is printed, and where it is written.
    pub(super) fn shown(&self) -> Option<(&str, Span)> {
        match self {
            Self::Route(route) => Some((&route.text, route.origin)),
            Self::Rule(rule) => Some((&rule.text, rule.origin)),
            Self::Nothing => None,
        }
    }

    /// Why a message that finds it dies at once, if it does.
    pub(super) fn refuses(&self) -> Option<DiscardReason> {
        match self {
            Self::Nothing => Some(DiscardReason::NoRoute),
            Self::Rule(rule) => Some(match &rule.action {
                RuleAction::Blackhole => DiscardReason::Blackhole,
                RuleAction::Unreachable | RuleAction::Prohibit => DiscardReason::Unreachable,
                _ => DiscardReason::Unmodelled(format!("policy rule {}", rule.text)),
            }),
            Self::Route(route) => match route.kind {
                RouteType::Blackhole => Some(DiscardReason::Blackhole),
                RouteType::Unreachable | RouteType::Prohibit => Some(DiscardReason::Unreachable),
                RouteType::Broadcast | RouteType::Multicast | RouteType::Throw => {
                    Some(DiscardReason::NoRoute)
                }
                RouteType::Unicast if route.hops.is_empty() => Some(DiscardReason::Unmodelled(
                    format!("route {} without a next hop", route.text),
                )),
                RouteType::Unicast | RouteType::Local | RouteType::Anycast => None,
            },
        }
    }

    /// The route, where the destination is this namespace itself.
    pub(super) fn local(&self) -> Option<&Route> {
        match self {
            Self::Route(r) if matches!(r.kind, RouteType::Local | RouteType::Anycast) => Some(r),
            _ => None,
        }
    }
}

/// The routes of a namespace, in the order in which they are preferred.
#[derive(Debug)]
pub(super) struct Tables<'s> {
    routes: BTreeMap<(Family, String), Vec<&'s Route>>,
    rules: Vec<&'s PolicyRule>,
    /// The families of which the destination alone decides: asked for with every route.
    plain: Vec<Family>,
    /// For the place of a route, one to the same destination that it hides.
    hidden: BTreeMap<Span, &'s Route>,
}

impl<'s> Tables<'s> {
    /// Of a namespace.
    pub(super) fn of(ns: &'s NetNs) -> Self {
        let mut routes: BTreeMap<(Family, String), Vec<&'s Route>> = BTreeMap::new();
        for route in &ns.routes {
            // Link-local and multicast addresses name nobody without a link.
            if scoped(route.destination) {
                continue;
            }
            let dead = !route.hops.is_empty() && route.hops.iter().all(|h| h.dead);
            if !dead {
                let family = Family::of(route.destination.addr());
                let table = routes.entry((family, route.table.clone())).or_default();
                table.push(route);
            }
        }
        let mut hidden = BTreeMap::new();
        for table in routes.values_mut() {
            let length = |r: &Route| std::cmp::Reverse(r.destination.prefix_len());
            table.sort_by_key(|r| (length(r), r.destination.addr(), r.metric));
            // The better metric hides the others.
            table.dedup_by(|b, a| {
                let same = a.destination.trunc() == b.destination.trunc();
                if same && b.kind == RouteType::Unicast && b.metric > a.metric {
                    hidden.entry(a.origin).or_insert(*b);
                }
                same
            });
        }
        let mut rules: Vec<_> = ns.rules.iter().collect();
        rules.sort_by_key(|r| r.priority);
        let mut tables = Self {
            routes,
            rules,
            plain: Vec::new(),
            hidden,
        };
        let families = [Family::V4, Family::V6].into_iter();
        tables.plain = families.filter(|f| tables.decides_alone(*f)).collect();
        tables
    }

    /// A route with a worse metric that this one hides.
    pub(super) fn hidden(&self, route: &Route) -> Option<&'s Route> {
        self.hidden.get(&route.origin).copied()
    }

    /// The routes of a table, best first.
    pub(super) fn table(&self, family: Family, name: &str) -> &[&'s Route] {
        let key = (family, name.to_owned());
        self.routes.get(&key).map_or(&[], Vec::as_slice)
    }

    /// All routes that are ever found.
    pub(super) fn all(&self, family: Family) -> impl Iterator<Item = &'s Route> + '_ {
        let of = self.routes.iter().filter(move |((f, _), _)| *f == family);
        of.flat_map(|(_, table)| table.iter().copied())
    }

    /// Whether a rule looks at the incoming device.
    pub(super) fn devices(&self) -> impl Iterator<Item = &'s str> + '_ {
        self.rules.iter().filter_map(|r| r.iif.as_deref())
    }

    /// Whether the destination alone decides.
    pub(super) fn plain(&self, family: Family) -> bool {
        self.plain.contains(&family)
    }

    fn decides_alone(&self, family: Family) -> bool {
        let rules = self.rules.iter().all(|r| {
            r.from.is_none()
                && r.mark.is_none()
                && r.iif.is_none()
                && r.protocol.is_none()
                && r.from_ports.is_none()
                && r.to_ports.is_none()
        });
        rules && self.all(family).all(|r| r.hops.len() < 2)
    }

    /// The route of every message in a context.
    pub(super) fn find(&self, flow: &Flow<'_>, context: &Context) -> Vec<(Context, Found<'s>)> {
        let mut all = Vec::new();
        self.from(0, flow, context, &mut all);
        all
    }

    /// The route of one destination from one source; an unset source is in no prefix.
    pub(super) fn one(
        &self,
        flow: &Flow<'_>,
        source: Option<IpAddr>,
        destination: IpAddr,
    ) -> Found<'s> {
        let mut known = Context::to(IpNet::from(destination));
        if let Some(source) = source {
            known.matches.from = Some(IpNet::from(source));
        }
        let found = self.find(flow, &known).into_iter();
        let mut found = found.filter(|(c, _)| source.is_some() || c.matches.from.is_none());
        found.next().map_or(Found::Nothing, |(_, f)| f)
    }

    fn from(
        &self,
        first: usize,
        flow: &Flow<'_>,
        context: &Context,
        all: &mut Vec<(Context, Found<'s>)>,
    ) {
        for (i, rule) in self.rules.iter().enumerate().skip(first) {
            let holds = selected(rule, flow).and_then(|s| context.meet(&s));
            let within = match (holds, rule.inverted) {
                (Some(within), false) => within,
                (None, true) => context.clone(),
                (None, false) => continue,
                (Some(exempt), true) => {
                    if exempt == *context {
                        continue;
                    }
                    self.from(i + 1, flow, &exempt, all);
                    context.clone()
                }
            };
            let RuleAction::Lookup(table) = &rule.action else {
                all.push((within.clone(), Found::Rule(rule)));
                if within == *context {
                    return;
                }
                continue;
            };
            for route in self.table(flow.family, table) {
                let length = route.destination.prefix_len();
                if rule.suppress.is_some_and(|most| length <= most) {
                    continue;
                }
                let destination = destination(flow, route.destination);
                let Some(found) = within.meet(&destination) else {
                    continue;
                };
                let covers = found == within;
                if route.kind == RouteType::Throw {
                    self.from(i + 1, flow, &found, all);
                } else {
                    all.push((found, Found::Route(route)));
                }
                if covers {
                    break;
                }
            }
            if all.last().is_some_and(|(last, _)| last == context) {
                return;
            }
        }
        all.push((context.clone(), Found::Nothing));
    }
}

/// Which messages a rule is about; none where none is.
fn selected(rule: &PolicyRule, flow: &Flow<'_>) -> Option<Context> {
    let device = match rule.iif.as_deref() {
        None => true,
        Some("lo") => flow.incoming.is_none_or(|name| name == "lo"),
        Some(name) => flow.incoming == Some(name),
    };
    let mark = rule
        .mark
        .is_none_or(|(value, mask)| flow.mark & mask == value);
    // The way back is asked without a protocol.
    let ports = rule.from_ports.is_some() || rule.to_ports.is_some() || rule.protocol.is_some();
    let family = rule.family.is_none_or(|f| f == flow.family);
    if !device || !mark || !family || rule.oif.is_some() || flow.back && ports {
        return None;
    }
    let mut all = Context::default();
    let prefixes = [(rule.from, !flow.back), (rule.to, flow.back)];
    for (net, of_source) in prefixes {
        let Some(net) = net else { continue };
        // `from all` may be written as a prefix of length 0, whatever its family.
        if net.prefix_len() == 0 {
            continue;
        }
        let one = if of_source {
            Context::from(net)
        } else {
            Context::to(net)
        };
        all = all.meet(&one)?;
    }
    all.matches.protocol = rule.protocol;
    all.matches.from_ports.clone_from(&rule.from_ports);
    all.matches.to_ports.clone_from(&rule.to_ports);
    Some(all)
}

/// IPv6: `fe80::/10` and `ff00::/8`.
fn scoped(net: IpNet) -> bool {
    match net.addr() {
        IpAddr::V4(_) => false,
        IpAddr::V6(a) => net.prefix_len() > 0 && (a.is_unicast_link_local() || a.is_multicast()),
    }
}

fn destination(flow: &Flow<'_>, net: IpNet) -> Context {
    if flow.back {
        Context::from(net.trunc())
    } else {
        Context::to(net.trunc())
    }
}
