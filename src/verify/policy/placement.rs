//! Whether an intent can hang on which node runs a pod, where the input does not say that of each.
//!
//! Policies do not know nodes, with three exceptions: a pod's own node reaches it whatever they say, they may name
//! addresses or labels of nodes, and a Service may keep to endpoints of one node.
//!
//! Must never know: terms, the solver.

use super::points::is_one_of;
use super::{Policy, relation};
use crate::encode::question::Point;
use crate::encode::question::point::PointKind;
use crate::model::entity::EntityKind;
use crate::model::entity::FullName;
use crate::model::inet::private;
use crate::model::intent::{Intent, IntentPeer, Who, Wish};
use crate::model::policy::Peer;

impl Policy<'_> {
    /// Whether who is on which node can matter to an intent.
    pub fn asks_nodes(&self, intent: &Intent) -> bool {
        let cluster = self.cluster;
        let node = |p: &&Point<'_>| p.kind == PointKind::Daemon;
        let Some(relation) = relation(intent) else {
            // Of isolated groups those in the network of a node meet pods of that node.
            return self.points.iter().filter(node).any(|p| p.hosted.is_some());
        };
        let peers = || relation.from.iter().chain(&relation.to);
        let own = peers().cloned().collect::<Vec<IntentPeer>>();
        if self
            .points
            .iter()
            .filter(node)
            .any(|p| is_one_of(&own, cluster, p))
        {
            return true;
        }
        let local = |who: &Who| {
            let Who::Service { namespace, name } = who else {
                return false;
            };
            let name = FullName::new(EntityKind::Service, &[namespace, name]);
            let mut services = cluster.services.iter();
            services
                .any(|s| *cluster.name_of(s.id) == name && (s.internal_local || s.external_local))
        };
        // Ports of nodes send on in the name of the node.
        let entered = self.ideal.as_ref().map_or(true, |ideal| ideal.entered);
        peers().any(|p| local(&p.who))
            || (entered || matches!(intent.wish, Wish::OnlyThese(_))) && self.nodes_are_named()
    }

    /// Whether a policy tells nodes apart, by their addresses or labels.
    fn nodes_are_named(&self) -> bool {
        let policies = &self.cluster.policies;
        let network = policies.network.iter();
        let network = network.flat_map(|p| p.ingress.iter().chain(&p.egress).flatten());
        let network = network.flat_map(|rule| rule.peers.iter().flatten());
        let cluster = policies.cluster.iter();
        let cluster = cluster.flat_map(|p| p.ingress.iter().chain(&p.egress));
        let mut peers = network.chain(cluster.flat_map(|rule| &rule.peers));
        let addresses = || self.cluster.nodes.iter().flat_map(|n| &n.addresses);
        peers.any(|peer| match peer {
            Peer::Nodes { .. } => true,
            Peer::Block(block) => {
                let held = |ip| {
                    block.cidr.contains(ip) && !block.except.iter().any(|net| net.contains(ip))
                };
                // Of addresses that are chosen it may hold some.
                let chosen = || self.cluster.nodes.iter().any(|n| n.addresses_chosen);
                chosen() && block.splits(&private())
                    || addresses().any(|a| held(&a.ip)) && !addresses().all(|a| held(&a.ip))
            }
            Peer::Pods { .. } | Peer::FailsClosed { .. } => false,
        })
    }
}
