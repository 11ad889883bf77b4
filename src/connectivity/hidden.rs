//! Whether two clusters may differ in what domain names of policies stand for.
//!
//! The addresses behind a domain name are not known. Two clusters that are alike where domain names stand for nothing, and
//! alike where they stand for everything, are alike whatever they stand for, if the rules that speak of them are the same.
//!
//! Must never know: labels, printing.

use std::collections::BTreeMap;

use crate::model::cluster::Cluster;
use crate::model::entity::FullName;
use crate::network::gate::{Direction, Gate};
use crate::network::graph::Network;

/// A cluster, where domain names stand for nothing and where they stand for everything.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Domain names stand for no address.
    pub none: &'a Network,
    /// Domain names stand for every address.
    pub all: &'a Network,
}

impl<'a> Ends<'a> {
    /// The gates that say something of domain names, by whose they are.
    fn gates(&self) -> BTreeMap<(&'a FullName, Direction), &'a Gate> {
        let pairs = self.all.gates.all.iter().zip(&self.none.gates.all);
        let speaking = pairs.filter(|(all, none)| all != none);
        let named =
            speaking.map(|(gate, _)| ((self.cluster.name_of(gate.subject), gate.direction), gate));
        named.collect()
    }
}

/// Whether both have the same rules about domain names, for the same subjects, among the same other rules.
pub fn same_rules(old: &Ends<'_>, new: &Ends<'_>) -> bool {
    let (old, new) = (old.gates(), new.gates());
    old.len() == new.len()
        && old
            .iter()
            .zip(&new)
            .all(|((a, one), (b, other))| a == b && alike(one, other))
}

/// The same rules, wherever they are written.
fn alike(a: &Gate, b: &Gate) -> bool {
    let rules = |gate: &Gate| -> Vec<Vec<_>> {
        let tiers = gate.tiers.iter();
        tiers
            .map(|tier| {
                let rules = tier.iter();
                rules
                    .map(|r| {
                        let text = r.cause.text.clone();
                        (r.peers.clone(), r.ports.clone(), r.decision, text)
                    })
                    .collect()
            })
            .collect()
    };
    rules(a) == rules(b)
}
