//! The way back to a source: whether what came in may have come this way, and what rules ask of it.
//!
//! Source: `fib_frontend.c` (`__fib_validate_source`), `ipt_rpfilter.c`, `ip6t_rpfilter.c`, `nft_fib_ipv4.c`. Must never
//! know: how a route is found, what becomes of the message.

use std::sync::Arc;

use crate::base::source::Span;
use crate::model::inet::Family;
use crate::model::linux::{Route, RouteType, WayBack};
use crate::network::fib::{DiscardReason, Fib};

use super::context::{Context, whole};
use super::lookup::{Flow, Found};
use super::next::Next;
use super::stage::{Builder, Cursor, Env, Key, Ns};

impl Builder<'_> {
    /// Whether what came in may have come this way.
    pub(super) fn checks(&mut self, ns: Ns, env: &Env) -> Fib {
        let device = env.incoming.unwrap_or_default();
        let facts = &self.facts[ns];
        let (strict, at) = facts.reverse_path(device);
        let own = facts.interface(device);
        let origin = at.unwrap_or(facts.ns.origin);
        let marked = facts.either(device, "src_valid_mark");
        let marked = marked.is_some_and(|v| v.0 != 0);
        let text: Arc<str> = format!("rp_filter = {strict} of {}", own.name).into();
        let flow = Flow {
            family: env.family,
            incoming: None,
            mark: if marked { env.mark } else { 0 },
            back: true,
        };
        let known = Context::from(whole(env.family));
        let on = self.stage(Key::Arrived(ns, env.clone()));
        let mut fib = Fib::new();
        for (context, found) in self.tables[ns].find(&flow, &known) {
            let fits = match found {
                Found::Route(r) if r.kind == RouteType::Unicast => {
                    let by = |h: &&str| **h == own.name;
                    strict > 1
                        || r.hops
                            .iter()
                            .filter_map(|h| h.device.as_deref())
                            .any(|h| by(&h))
                }
                _ => false,
            };
            fib.push(if fits {
                Next::to(on).rule(context, None, origin)
            } else {
                let why = match found.shown() {
                    Some((text, _)) => format!("the way back to its source is {text}"),
                    None => "there is no way back to its source".to_owned(),
                };
                let next = Next::dies_as(DiscardReason::RpFilter, why);
                next.rule(context, Some(Arc::clone(&text)), origin)
            });
        }
        fib
    }

    /// What a rule asks of the way back, or (set) of its not being so: where to if that holds, and where else.
    pub(super) fn by_way_back(
        &mut self,
        cursor: &Cursor,
        (way, negated): (WayBack, bool),
        mut next: [(Next, Option<Arc<str>>); 2],
        origin: Span,
    ) -> Next {
        if negated {
            next.reverse();
        }
        let list = self.ways_back(cursor, way, next, origin);
        Next::to(self.list(cursor.ns, list))
    }

    /// By the way back: where to if it leads to the device by which the message came in, and where else.
    fn ways_back(
        &self,
        cursor: &Cursor,
        way: WayBack,
        [fitting, other]: [(Next, Option<Arc<str>>); 2],
        origin: Span,
    ) -> Fib {
        let (ns, env) = (cursor.ns, &cursor.env);
        let tables = &self.tables[ns];
        let own = env
            .incoming
            .map(|d| self.facts[ns].interface(d).name.as_str());
        let flow = Flow {
            family: env.family,
            incoming: None,
            mark: if way.marked { cursor.mark() } else { 0 },
            back: true,
        };
        let unsure = || Next::dies(DiscardReason::Unmodelled("the way back in IPv6".to_owned()));
        let known = Context::from(whole(env.family));
        // The kernel asks for more there than the destination, and for routes that others hide.
        let v6 = env.family == Family::V6;
        if v6 && !tables.plain(env.family) {
            return vec![unsure().rule(known, None, origin)];
        }
        let mut fib = Fib::new();
        for (context, found) in tables.find(&flow, &known) {
            let by_device = |r: &Route| {
                let mut devices = r.hops.iter().map(|h| h.device.as_deref());
                way.loose || devices.any(|d| d == own)
            };
            let fits = match found {
                Found::Route(r) if r.kind == RouteType::Unicast => by_device(r),
                Found::Route(r) if r.kind == RouteType::Local && way.local => v6 || by_device(r),
                _ => false,
            };
            let hidden = matches!(found, Found::Route(r) if tables.hidden(r).is_some());
            let (next, text) = match fits {
                false if v6 && hidden => (unsure(), None),
                true => fitting.clone(),
                false => other.clone(),
            };
            fib.push(next.rule(context, text, origin));
        }
        fib
    }
}
