//! Which messages a goal is about, by where they are headed: of switches nothing is assumed about any other.
//!
//! So a cluster may have what the theorem has no word for (hosts outside, ports of nodes that lead to pods), as long as
//! these messages do not meet it.
//!
//! Knows: destinations. Must never know: what switches do, the solver.

use super::hop::State;
use super::world::World;
use crate::model::entity::EntityKind;
use crate::smt::term::TermId;

/// What a message may be headed to at a lookup. [`Scope::Everywhere`] holds all the others, and each of those
/// [`Scope::Pods`].
///
/// Localhost is in each of them. Of an answer, which goes to whoever asked, all but the first hold the addresses of pods
/// and nodes, and localhost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Every address.
    Everywhere,
    /// The addresses of pods and nodes.
    Inside,
    /// The addresses of pods; those of Services, at their ports.
    Services,
    /// The addresses of pods.
    Pods,
}

impl Scope {
    /// All, a scope before those that it holds.
    pub const ALL: [Self; 4] = [Self::Everywhere, Self::Inside, Self::Services, Self::Pods];

    /// Whether it holds another one, and is not the same.
    pub fn is_wider_than(self, other: Self) -> bool {
        self < other && (self == Self::Everywhere || other == Self::Pods)
    }

    /// Whose addresses are in it beside localhost, of messages that open a connection or of answers; none where all are.
    pub fn destinations(self, answer: bool) -> Option<&'static [EntityKind]> {
        use EntityKind::{Node, Pod, Service};
        match (self, answer) {
            (Self::Everywhere, _) => None,
            (Self::Inside, _) | (_, true) => Some(&[Pod, Node]),
            (Self::Services, false) => Some(&[Pod, Service]),
            (Self::Pods, false) => Some(&[Pod]),
        }
    }
}

/// The scope that the proof of a goal does with.
pub fn scope(goal: &str) -> Scope {
    match goal {
        "KP002" | "KP003" | "KP004" | "KP005" | "KP006" => Scope::Pods,
        "KP007" => Scope::Inside,
        "KP008" => Scope::Services,
        _ => Scope::Everywhere,
    }
}

/// Whether the lookup of a message of this protocol, or of an answer, is in the scope: a flag, with what it means; none where
/// every lookup is.
pub(super) fn holds(
    w: &mut World,
    name: &str,
    (scope, answer, protocol): (Scope, bool, TermId),
    at: &State,
) -> Option<(TermId, Vec<TermId>)> {
    let kinds = scope.destinations(answer)?;
    let (n, s) = (w.names, w.sorts);
    let flag = w.flag(&format!("{name}.inScope"));
    let mut some = vec![w.is(n.local, &[at.to])];
    let mut meaning = vec![w.implies(&some, flag)];
    // Whose address it is is named, so that the flag is up for one that somebody has, and for no other.
    for kind in kinds {
        let (sort, who) = match kind {
            EntityKind::Node => (s.node, "Node"),
            EntityKind::Service => (s.service, "Service"),
            _ => (s.pod, "Pod"),
        };
        let is = |w: &mut World, whose| match kind {
            EntityKind::Node => w.is(n.addr_node, &[whose, at.to]),
            EntityKind::Service => {
                let addr = w.is(n.addr_service, &[whose, at.to]);
                let port = w.is(n.port, &[whose, at.to_port, protocol]);
                w.and(&[addr, port])
            }
            _ => w.is(n.addr_pod, &[whose, at.to]),
        };
        let witness = w.constant(&format!("{name}.scope{who}"), sort);
        some.push(is(w, witness));
        let [any] = w.bind([(who, sort)]);
        let has = is(w, any);
        let body = w.implies(&[has], flag);
        meaning.push(w.pool.forall(&[any], body));
    }
    let some = w.or(&some);
    meaning.push(w.implies(&[flag], some));
    Some((flag, meaning))
}
