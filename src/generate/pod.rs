//! Addresses of pods and ports of Services as they are written: those of the plan, but for planted faults.
//!
//! Must never know: how they are spelled in a format.

use std::net::{IpAddr, Ipv4Addr};

use super::Wish;
use super::fault::{Fault, Place, place};
use super::plan::{CLOSED, PORT, Plan};

/// What deviates from the plan.
#[derive(Debug)]
pub(super) struct Written<'p> {
    plan: &'p Plan,
    duplicate: Option<Place>,
    node: Option<Place>,
    loopback: Option<Place>,
    service: Option<Place>,
    closed: Option<Place>,
}

impl<'p> Written<'p> {
    pub(super) fn new(wish: &Wish, plan: &'p Plan) -> Self {
        let of = |fault| place(fault, wish, plan);
        Self {
            plan,
            duplicate: of(Fault::DuplicateAddress),
            node: of(Fault::NodeAddress),
            loopback: of(Fault::LoopbackAddress),
            service: of(Fault::ServiceAddress),
            closed: of(Fault::ClosedPort),
        }
    }

    /// The addresses of a pod.
    pub(super) fn pod(&self, pod: u32) -> Vec<IpAddr> {
        if let Some(place) = self.duplicate.filter(|p| p.own == pod) {
            return self.plan.pod_addresses(place.pod);
        }
        if let Some(place) = self.node.filter(|p| p.own == pod) {
            return self.plan.node_addresses(place.at);
        }
        if self.loopback.is_some_and(|p| p.own == pod) {
            return vec![Ipv4Addr::LOCALHOST.into()];
        }
        self.plan.pod_addresses(pod)
    }

    /// The addresses of a Service.
    pub(super) fn service(&self, service: u32) -> Vec<IpAddr> {
        match self.service.filter(|p| p.service == service) {
            Some(place) => self.plan.pod_addresses(place.pod),
            None => self.plan.service_addresses(service),
        }
    }

    /// The port of its pods that a Service leads to.
    pub(super) fn target(&self, service: u32) -> u32 {
        let closed = self.closed.is_some_and(|p| p.service == service);
        if closed { CLOSED } else { PORT }
    }
}
