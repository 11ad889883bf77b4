//! What formulas name and how many symbols they have: what must be told apart to decide them.
//!
//! Must never know: what it is for.

use super::formula::{Arg, Constraint, Formula, Sort, Term, VarId};
use crate::model::inet::IpNet;

/// Of all constraints together.
#[derive(Debug, Clone, Default)]
pub struct Literals {
    /// Addresses and prefixes.
    pub nets: Vec<IpNet>,
    /// Ports and ranges of them, inclusive.
    pub ranges: Vec<(u16, u16)>,
    /// Whether two ports, neither of them a constant, are compared by order.
    pub orders_ports: bool,
    /// The most address symbols that a constraint can have: two a message, and its variables in front.
    pub addresses: usize,
    /// The most port symbols.
    pub ports: usize,
}

impl Literals {
    /// Collects them.
    pub fn of(constraints: &[Constraint]) -> Self {
        // One message at least: the bound on hops is asked of it alone.
        let mut all = Self {
            addresses: 2,
            ports: 2,
            ..Self::default()
        };
        for constraint in constraints {
            // An inner variable is guarded: it takes the values of a table or of a header, and is no symbol of its own.
            let count = |sort| {
                let of_sort = |ids: &Vec<VarId>| {
                    let declared = ids.iter().map(|id| constraint.variable(*id));
                    declared.filter(|v| v.sort == sort).count()
                };
                let clauses = constraint.clauses();
                clauses.iter().map(|(ids, _)| of_sort(ids)).max()
            };
            let count = |sort| count(sort).unwrap_or(0);
            let events = count(Sort::Event);
            all.addresses = all.addresses.max(2 * events + count(Sort::Address));
            all.ports = all.ports.max(2 * events + count(Sort::Port));
            all.formula(&constraint.formula);
        }
        all
    }

    fn formula(&mut self, formula: &Formula) {
        match formula {
            Formula::InPrefix(t, net) => {
                self.term(t);
                self.nets.push(*net);
            }
            Formula::InRange(t, low, high) => {
                self.term(t);
                self.ranges.push((*low, *high));
            }
            Formula::Compare(a, _, b) => {
                let constant = |t: &Term| matches!(t, Term::Port(_));
                self.orders_ports |= !constant(a) && !constant(b);
                self.term(a);
                self.term(b);
                // `p < 1024` cuts there, and `1024` itself is cut out by `term`.
            }
            Formula::Equal(a, b) => {
                self.term(a);
                self.term(b);
            }
            Formula::Predicate(_, args) => {
                for arg in args {
                    if let Arg::Term(t) = arg {
                        self.term(t);
                    }
                }
            }
            Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) => self.formula(f),
            Formula::And(parts) | Formula::Or(parts) => parts.iter().for_each(|f| self.formula(f)),
            Formula::Implies(a, b) | Formula::Iff(a, b) => {
                self.formula(a);
                self.formula(b);
            }
            Formula::Constant(_)
            | Formula::Hops(..)
            | Formula::Label(..)
            | Formula::Namespace(..) => {}
        }
    }

    fn term(&mut self, term: &Term) {
        match term {
            Term::Address(ip) => self.nets.push(IpNet::from(*ip)),
            // Both sides of a port may be asked for.
            Term::Port(p) => self.ranges.extend([(0, *p), (*p, *p), (*p, u16::MAX)]),
            Term::Var(_)
            | Term::Named(..)
            | Term::Entity(_)
            | Term::Protocol(_)
            | Term::ProtocolOf(_) => {}
        }
    }
}
