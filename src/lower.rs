//! From a cluster to its network graph and to the structure that formulas speak about.
//!
//! Knows: the order of the passes. Must never know: YAML, SMT, how messages are walked.

mod balance;
pub mod edit;
pub mod ideal;
mod linux;
mod services;
pub mod structure;
mod tables;

pub use services::Entrances;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::base::diag::Diagnostic;
use crate::logic::structure::Structure;
use crate::model::cluster::Cluster;
use crate::model::entity::EntityId;
use crate::model::policy::Settings;
use crate::network::gate::Gates;
use crate::network::graph::Network;
use crate::policy;

/// What a cluster becomes.
#[derive(Debug, Clone, Default)]
pub struct Lowered {
    /// The network graph.
    pub network: Network,
    /// Universe and tables.
    pub structure: Structure,
}

/// Every diagnostic code of this stage, with its title.
pub const CODES: &[(&str, &str)] = &[("N001", "a rule to remove is not among the ideal ones")];

/// Lowers a cluster: the ideal network of the seed with its policies enforced, then the cluster file's explicit changes.
pub fn lower(cluster: &Cluster, settings: &Settings) -> Result<Lowered, Vec<Diagnostic>> {
    if let Some(snapshot) = &cluster.snapshot {
        // What policies come to is in the installed rules, or it is not enforced.
        let (network, stages) = linux::network(cluster, snapshot);
        let mut structure = structure::structure(cluster, &network);
        structure.policies = gates(cluster, *settings);
        structure::add_stages(&mut structure, &network, stages);
        return Ok(Lowered { network, structure });
    }
    let (lowered, mistakes) = edited(cluster, *settings);
    if mistakes.is_empty() {
        Ok(lowered)
    } else {
        Err(mistakes)
    }
}

/// Lowers a part cut out of a cluster that has an ideal network and no mistakes: a rule to remove that is not there is about
/// somebody left out.
pub fn lower_part(part: &Cluster, settings: Settings) -> Lowered {
    edited(part, settings).0
}

/// What is known of a cluster without its FIBs, links and policies: who there is, where, with which addresses.
pub fn without_fibs(cluster: &Cluster) -> Lowered {
    let network = ideal::endpoints(cluster);
    let structure = structure::structure(cluster, &network);
    Lowered { network, structure }
}

fn edited(cluster: &Cluster, settings: Settings) -> (Lowered, Vec<Diagnostic>) {
    let mut network = ideal::network(cluster);
    network.gates = gates(cluster, settings);
    tables::apply(cluster, &mut network);
    let mistakes = edit::apply(cluster, &mut network);
    let structure = structure::structure(cluster, &network);
    (Lowered { network, structure }, mistakes)
}

/// The mistakes that lowering would tell, without making more of the network than they are about.
pub fn mistakes(cluster: &Cluster) -> Vec<Diagnostic> {
    if cluster.fibs.iter().all(|edit| edit.remove.is_empty()) {
        return Vec::new();
    }
    let edited: BTreeSet<EntityId> = cluster.fibs.iter().map(|edit| edit.at).collect();
    let mut network = ideal::switches_of(cluster, &edited);
    tables::apply(cluster, &mut network);
    edit::apply(cluster, &mut network)
}

/// Every address that a pod, node or Service holds, ascending.
pub fn held(cluster: &Cluster) -> Vec<IpAddr> {
    ideal::held(cluster)
}

/// Which addresses of nodes and outside lead to Services and pods, and where, without making the network.
pub fn entrances(cluster: &Cluster) -> Entrances {
    services::entrances(cluster)
}

/// What the cluster's policies make of connections.
pub fn gates(cluster: &Cluster, settings: Settings) -> Gates {
    Gates {
        all: policy::gates(cluster, &settings),
        // Where `hairpin=allow`, the gates of NetworkPolicies allow it themselves; a ClusterNetworkPolicy always has a say.
        hairpin: true,
    }
}
