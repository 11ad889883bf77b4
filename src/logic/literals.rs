//! The addresses and prefixes that a formula names.
//!
//! Must never know: what they are for.

use super::formula::{Arg, Formula, Term};
use crate::model::inet::IpNet;

/// The addresses and prefixes that a formula names.
pub fn literals(formula: &Formula) -> Vec<IpNet> {
    let term = |t: &Term| match t {
        Term::Address(ip) => vec![IpNet::from(*ip)],
        _ => Vec::new(),
    };
    match formula {
        Formula::InPrefix(t, net) => [term(t), vec![*net]].concat(),
        Formula::Equal(a, b) | Formula::Compare(a, _, b) => [term(a), term(b)].concat(),
        Formula::Predicate(_, args) => args
            .iter()
            .flat_map(|arg| match arg {
                Arg::Term(t) => term(t),
                Arg::Any => Vec::new(),
            })
            .collect(),
        Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) => literals(f),
        Formula::And(parts) | Formula::Or(parts) => parts.iter().flat_map(literals).collect(),
        Formula::Implies(a, b) | Formula::Iff(a, b) => [literals(a), literals(b)].concat(),
        Formula::Constant(_)
        | Formula::Hops(..)
        | Formula::InRange(..)
        | Formula::Label(..)
        | Formula::Namespace(..) => Vec::new(),
    }
}
