//! Services of a cluster file: addresses, ports, the pods behind them.
//!
//! Knows: fields of a service entry. Must never know: selectors, readiness; a cluster file names its endpoints.

use std::collections::HashMap;

use super::entities::{Entities, addresses, named, namespace};
use crate::base::diag::Diagnostic;
use crate::base::source::Span;
use crate::input::decode::{self, Fields};
use crate::input::problems::Problems;
use crate::input::yaml::Node as Yaml;
use crate::model::entity::EntityKind;
use crate::model::inet::Protocol;
use crate::model::service::{Service, ServiceKind, ServicePort, TargetPort};

impl<'t> Entities<'t> {
    pub(super) fn services(&mut self, top: &mut Fields<'t>, problems: &mut Problems) {
        for item in top.list("services", problems) {
            let Some(mut fields) = Fields::of(item, "a service", problems) else {
                continue;
            };
            let (name, span) = named(&mut fields, problems);
            let namespace = namespace(&mut fields, problems);
            let id = self.draft(EntityKind::Service, &[namespace, name], span);
            let addresses = addresses(&mut fields, "a service", true, problems);
            let ports = service_ports(&mut fields, problems);
            self.endpoints
                .push(fields.list("endpoints", problems).collect());
            let origin = fields.span();
            fields.finish(problems);
            self.services.push(Service {
                id,
                kind: ServiceKind::default(),
                addresses,
                chosen: false,
                external_addresses: Vec::new(),
                balancer: Vec::new(),
                balancer_sources: None,
                ports,
                selector: None,
                selected: Vec::new(),
                listed: Vec::new(),
                internal_local: false,
                external_local: false,
                publish_not_ready: false,
                endpoints_given: true,
                origin,
            });
        }
    }
}

fn service_ports(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<ServicePort> {
    let mut ports = Vec::new();
    let mut seen: HashMap<(u16, Protocol), Span> = HashMap::new();
    for item in fields.list("ports", problems) {
        let Some(mut fields) = Fields::of(item, "a service port", problems) else {
            continue;
        };
        let name = fields
            .get("name")
            .and_then(|node| decode::name(node, problems))
            .map(str::to_owned);
        let port = fields.required("port", problems);
        let span = port.map_or(fields.span(), Yaml::span);
        let port = port.and_then(|n| decode::port(n, problems));
        let protocol = match fields.get("protocol") {
            None => Some(Protocol::Tcp),
            Some(node) => decode::protocol(node, problems),
        };
        let target_port = match fields.get("targetPort") {
            None => port,
            Some(node) => decode::port(node, problems),
        };
        let origin = fields.span();
        fields.finish(problems);
        let (Some(port), Some(protocol), Some(target_port)) = (port, protocol, target_port) else {
            continue;
        };
        if let Some(there) = seen.insert((port, protocol), span) {
            let message = format!("the port {port}/{protocol} of the service is there twice");
            problems.push(
                Diagnostic::error("C015", span, message).related(there, "first written here"),
            );
            continue;
        }
        ports.push(ServicePort {
            name,
            port,
            protocol,
            target: TargetPort::Number(target_port),
            node_port: None,
            endpoints: Vec::new(),
            origin,
        });
    }
    ports
}
