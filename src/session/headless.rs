//! Headless Services in intents: their name leads to the pods themselves, at the ports on which these listen.
//!
//! Nothing is translated: a client dials the port of the pod. Must never know: the constraint language, the solver.

use crate::model::cluster::Cluster;
use crate::model::entity::{EntityKind, FullName};
use crate::model::intent::{Intent, IntentPeer, PodsOf, Relation, Who, Wish};
use crate::model::policy::{Operator, PortRule, PortsOf, Requirement, Selector};
use crate::model::service::{Readiness, Service, ServiceKind};

/// Why an intent cannot be asked.
pub(super) const WHY: &str = "it speaks of a headless Service whose name leads to more, or to fewer, than the pods that its selector means: speak of the pods";

/// Speaks of the pods behind headless Services instead of these. None where it speaks of no such Service; an error where its
/// pods cannot be spoken of.
pub(super) fn spelled_out(intent: &Intent, cluster: &Cluster) -> Option<Result<Intent, ()>> {
    let relation = intent.wish.relation()?;
    let is = |p: &&IntentPeer| headless(p, cluster).is_some();
    let mut peers = relation.from.iter().chain(&relation.to);
    peers.find(is)?;
    Some(in_full(intent, relation, cluster).ok_or(()))
}

fn headless<'c>(peer: &IntentPeer, cluster: &'c Cluster) -> Option<&'c Service> {
    let Who::Service { namespace, name } = &peer.who else {
        return None;
    };
    let name = FullName::new(EntityKind::Service, &[namespace, name]);
    let mut services = cluster.services.iter();
    services.find(|s| s.kind == ServiceKind::Headless && *cluster.name_of(s.id) == name)
}

fn in_full(intent: &Intent, relation: &Relation, cluster: &Cluster) -> Option<Intent> {
    let peers = |all: &[IntentPeer]| -> Option<Vec<IntentPeer>> {
        let each = all.iter().map(|peer| match headless(peer, cluster) {
            None => Some(peer.clone()),
            Some(service) => Some(IntentPeer {
                who: pods(service, cluster, peer)?,
                origin: peer.origin,
            }),
        });
        each.collect()
    };
    let services: Vec<Option<&Service>> =
        relation.to.iter().map(|p| headless(p, cluster)).collect();
    let keeps_out = matches!(intent.wish, Wish::MustNotReach(_));
    let ports = match &relation.ports {
        // Whatever port is dialled, it is the pod's.
        None if keeps_out || services.iter().all(Option::is_none) => None,
        None => Some(common(&services)?),
        Some(rules) => {
            let named = rules.iter().any(|r| matches!(r.ports, PortsOf::Named(_)));
            if named && services.iter().any(Option::is_some) {
                return None;
            }
            Some(rules.clone())
        }
    };
    let relation = Relation {
        from: peers(&relation.from)?,
        to: peers(&relation.to)?,
        ports,
    };
    let wish = match &intent.wish {
        Wish::MustReach(_) => Wish::MustReach(relation),
        Wish::MustNotReach(_) => Wish::MustNotReach(relation),
        Wish::OnlyThese(_) => Wish::OnlyThese(relation),
        Wish::Isolate(_) => return None,
    };
    Some(Intent {
        wish,
        ..intent.clone()
    })
}

/// The pods that its selector means, where these are all that its name leads to.
fn pods(service: &Service, cluster: &Cluster, peer: &IntentPeer) -> Option<Who> {
    let asked = service.selector.as_ref()?;
    let usable = |e: &&crate::model::service::ServiceEndpoint| e.readiness != Readiness::NotReady;
    let whole = service.ports.iter().all(|port| {
        let there = |s: &crate::model::service::Selected| {
            let mut usable = port.endpoints.iter().filter(usable);
            usable.any(|e| e.address == s.address)
        };
        let selected = |e: &crate::model::service::ServiceEndpoint| {
            service.selected.iter().any(|s| s.address == e.address)
        };
        service.selected.iter().all(there) && port.endpoints.iter().filter(usable).all(selected)
    });
    let Who::Service { namespace, .. } = &peer.who else {
        return None;
    };
    // Of a pod with several addresses the Service may take one.
    let several = |p: &crate::model::cluster::Pod| {
        p.addresses.len() > 1 && service.selected.iter().any(|s| s.entity == p.id)
    };
    (whole && !cluster.pods.iter().any(several)).then(|| {
        let requirements = asked.iter().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In([value.clone()].into()),
        });
        Who::Pods(PodsOf {
            namespace: Some(namespace.clone()),
            namespaces: None,
            pods: Some(Selector {
                requirements: requirements.collect(),
                origin: peer.origin,
            }),
        })
    })
}

/// The ports of the pods behind them, where all are headless and have the same ones.
fn common(services: &[Option<&Service>]) -> Option<Vec<PortRule>> {
    let mut sets = services.iter().map(|service| {
        let service = (*service)?;
        let mut ports: Vec<_> = service
            .ports
            .iter()
            .flat_map(|port| port.endpoints.iter().map(|e| (e.port, port.protocol)))
            .collect();
        ports.sort_unstable();
        ports.dedup();
        Some((ports, service.origin))
    });
    let (first, origin) = sets.next()??;
    if first.is_empty() || !sets.all(|set| set.is_some_and(|(ports, _)| ports == first)) {
        return None;
    }
    let rules = first.into_iter().map(|(port, protocol)| PortRule {
        protocol: Some(protocol),
        ports: PortsOf::Range(port, port),
        origin,
    });
    Some(rules.collect())
}
