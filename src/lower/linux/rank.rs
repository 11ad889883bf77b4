//! Of finished stages: their order within a namespace, and what they are called.
//!
//! Must never know: rules.

use std::collections::{BTreeSet, HashMap};

use crate::model::entity::EntityId;

use super::stage::{Builder, Key, Pace, Way};

impl Builder<'_> {
    /// Ranks that ascend along every way within a namespace, but for ways back.
    pub(super) fn ranks(
        &self,
        reached: &[usize],
        of: &HashMap<usize, EntityId>,
        ids: &HashMap<usize, EntityId>,
    ) -> HashMap<usize, u32> {
        let mut order: Vec<usize> = reached.to_vec();
        // Where messages begin first, so that ways back are found to be that.
        order.sort_by_key(|at| (!matches!(self.drafts[*at].key, Key::Send(_)), ids[at]));
        let mut height: HashMap<usize, u32> = HashMap::new();
        let mut open: BTreeSet<usize> = BTreeSet::new();
        for first in order {
            // (stage, its targets, next of them): depth first, without recursion.
            let mut stack: Vec<(usize, Vec<usize>, usize)> = Vec::new();
            if !height.contains_key(&first) {
                open.insert(first);
                stack.push((first, self.targets(first), 0));
            }
            while let Some((at, targets, next)) = stack.last_mut() {
                let at = *at;
                if let Some(to) = targets.get(*next).copied() {
                    *next += 1;
                    if of[&to] == of[&at] && !height.contains_key(&to) && !open.contains(&to) {
                        open.insert(to);
                        stack.push((to, self.targets(to), 0));
                    }
                    continue;
                }
                let beyond = targets.iter().filter(|to| of[to] == of[&at]);
                let beyond = beyond.filter_map(|to| height.get(to)).max();
                let own = beyond.map_or(0, |h| h + 1);
                height.insert(at, own);
                open.remove(&at);
                stack.pop();
            }
        }
        let mut highest: HashMap<EntityId, u32> = HashMap::new();
        for at in reached {
            let top = highest.entry(of[at]).or_default();
            *top = height[at].max(*top);
        }
        let rank = |at: &usize| (*at, highest[&of[at]] - height[at]);
        reached.iter().map(rank).collect()
    }

    /// What a stage is called.
    pub(super) fn label(&self, key: &Key) -> String {
        let facts = &self.facts[key.ns()];
        let device = |d: usize| &facts.interface(d).name;
        match key {
            Key::Send(_) => "output".to_owned(),
            Key::Socket(_) => "sockets".to_owned(),
            Key::Sent(..) => "routing of its own".to_owned(),
            Key::Check(_, env) => match env.incoming {
                Some(d) => format!("rp_filter {}", device(d)),
                None => "rp_filter".to_owned(),
            },
            Key::Arrived(..) => "routing".to_owned(),
            Key::Leaving(..) => "next hop".to_owned(),
            Key::Walk(cursor) => {
                let chain = cursor.stack.last().map(|(c, _)| &facts.ns.chains[*c]);
                let name = chain.map_or(String::new(), |c| format!("{} {}", c.table, c.name));
                match cursor.env.way {
                    _ if cursor.pace == Pace::Later => format!("later {name}"),
                    Way::Bridged(..) => format!("bridged {name}"),
                    _ => name,
                }
            }
            Key::Nat(_, hook, ..) => format!("nat {hook:?}").to_lowercase(),
            Key::Undo(..) => "nat prerouting, back".to_owned(),
            Key::Translate(_, _, _, _, change) => {
                let what = if change.source {
                    "source"
                } else {
                    "destination"
                };
                format!("nat {what}")
            }
            Key::Link(_, d, _) => format!("link {}", device(*d)),
            Key::Redirected(_, d, _) => format!("bridged {}", device(*d)),
            Key::Tunnel(_, d, ..) => format!("tunnel {}", device(*d)),
            Key::Just(..) => "choice".to_owned(),
        }
    }
}
