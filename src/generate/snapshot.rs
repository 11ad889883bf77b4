//! A Linux snapshot (docs/linux-snapshot.md): the reference plugin `bridge`, routes by the nodes' own addresses (`host-gw`),
//! flannel's and kube-proxy's rules for what passes, sockets that listen.
//!
//! Knows: what the tools print, as far as it is read. Must never know: files on disk, how they are read.

mod files;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;

use super::Wish;
use super::fault::{Fault, Place, place};
use super::plan::{PORT, Plan};
use files::{Device, Files, Kind};

pub use files::Put;

/// The prefix of all nodes, and the host outside at its end.
const WIRE: u8 = 12;
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(172, 31, 255, 254);
const ALL_PODS: &str = "10.0.0.0/8";
/// Nodes, and not the host outside.
const ALL_NODES: &str = "172.16.0.0/13";

/// What stands in the way of a snapshot of this size.
pub(super) fn possible(wish: &Wish, plan: &Plan) -> Result<(), String> {
    // The block's own address, its bridge and the last of all are nobody's.
    let room = plan.pod_nets(0)[0].hosts().count() as u64;
    if u64::from(wish.pods) + 1 > room {
        return Err(format!(
            "the prefix of a node has no room for {} pods and a bridge",
            wish.pods
        ));
    }
    if wish.nodes > 1 << 19 {
        return Err(format!("{ALL_NODES} has no room for {} nodes", wish.nodes));
    }
    if wish.dual_stack || wish.services > 0 || wish.policies > 0 {
        return Err("a snapshot is written of IPv4, without services and policies".to_owned());
    }
    Ok(())
}

/// Writes all files.
pub(super) fn write<E>(wish: &Wish, plan: &Plan, put: &mut Put<'_, E>) -> Result<(), E> {
    put("snapshot.yaml", &top(plan))?;
    let lab = Lab::new(wish, plan);
    for node in 0..plan.nodes {
        lab.node(node, put)?;
        for number in 0..plan.pods_each {
            lab.pod(node, number, put)?;
        }
    }
    lab.outside(put)?;
    lab.wire(put)
}

fn top(plan: &Plan) -> String {
    let mut text = String::from(
        "apiVersion: kubeproof.dev/v1\nkind: LinuxSnapshot\nmetadata: {name: generated}\nnamespaces:\n",
    );
    for node in 0..plan.nodes {
        let name = Plan::node_name(node);
        let _ = writeln!(text, "- {{name: {name}, kind: Node}}");
        for number in 0..plan.pods_each {
            let pod = pod_name(node, number);
            let _ = writeln!(text, "- {{name: {pod}, kind: Pod, node: {name}}}");
        }
    }
    text.push_str("- {name: outside, kind: External}\n- {name: wire, kind: Fabric}\n");
    text
}

fn pod_name(node: u32, number: u32) -> String {
    format!("pod-{}-{}", node + 1, number + 1)
}

/// A plan as namespaces.
struct Lab<'l> {
    wish: &'l Wish,
    plan: &'l Plan,
    /// Node, the node whose prefix it gives to its pods too.
    stolen: Option<(u32, u32)>,
}

impl<'l> Lab<'l> {
    fn new(wish: &'l Wish, plan: &'l Plan) -> Self {
        let mut lab = Self {
            wish,
            plan,
            stolen: None,
        };
        let stolen = lab.fault(Fault::DuplicateCidr);
        lab.stolen = stolen.map(|p| (p.at, plan.node_of(p.pod)));
        lab
    }

    fn fault(&self, fault: Fault) -> Option<Place> {
        place(fault, self.wish, self.plan)
    }

    /// Whether a fault is at a node.
    fn at(&self, fault: Fault, node: u32) -> Option<Place> {
        self.fault(fault).filter(|p| p.at == node)
    }

    /// The first address of the pods of a node, and the length of the prefix.
    fn block(&self, node: u32) -> (u32, u8) {
        let taken = self.stolen.filter(|(at, _)| *at == node);
        let net = self.plan.pod_nets(taken.map_or(node, |(_, from)| from))[0];
        match net.network() {
            IpAddr::V4(ip) => (ip.into(), net.prefix_len()),
            IpAddr::V6(_) => (0, 0),
        }
    }

    fn pod_address(&self, node: u32, number: u32) -> Ipv4Addr {
        let own = node * self.plan.pods_each + number;
        let twice = self.fault(Fault::DuplicateAddress).filter(|p| p.own == own);
        if let Some(place) = twice {
            let home = self.plan.node_of(place.pod);
            let number = place.pod % self.plan.pods_each;
            return Ipv4Addr::from(self.block(home).0 + 2 + number);
        }
        Ipv4Addr::from(self.block(node).0 + 2 + number)
    }

    fn node_address(&self, node: u32) -> Ipv4Addr {
        match self.plan.node_addresses(node)[0] {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        }
    }

    fn node<E>(&self, node: u32, put: &mut Put<'_, E>) -> Result<(), E> {
        let (block, length) = self.block(node);
        let mut files = Files::new();
        files.forwards = self.at(Fault::ForwardOff, node).is_none();
        files.peer(0, "wire");
        files.device(&Device {
            index: 2,
            name: "eth0",
            kind: Kind::Pair {
                netns: 0,
                index: node + 3,
            },
            master: None,
            address: Some((self.node_address(node), WIRE)),
            mac: (2 << 40) + (1 << 32) + u64::from(node),
        });
        files.device(&Device {
            index: 3,
            name: "cni0",
            kind: Kind::Bridge,
            master: None,
            address: Some((Ipv4Addr::from(block + 1), length)),
            mac: (2 << 40) + (2 << 32) + u64::from(node),
        });
        for number in 0..self.plan.pods_each {
            files.peer(number + 1, &pod_name(node, number));
            files.device(&Device {
                index: number + 4,
                name: &format!("veth{}", number + 1),
                kind: Kind::Pair {
                    netns: number + 1,
                    index: 2,
                },
                master: Some("cni0"),
                address: None,
                mac: (2 << 40) + (3 << 32) + u64::from(node * self.plan.pods_each + number),
            });
        }
        self.routes(node, &mut files);
        let (net, own) = (Ipv4Addr::from(block), length);
        files.iptables = Some(rules(&format!("{net}/{own}")));
        files.socket(10250, "kubelet");
        files.put(&Plan::node_name(node), put)
    }

    /// To the pods of every other node.
    fn routes(&self, node: u32, files: &mut Files) {
        let toward = |fault: Fault, to: u32| {
            let place = self.at(fault, node);
            place.filter(|p| self.plan.node_of(p.pod) == to)
        };
        for to in 0..self.plan.nodes {
            let (block, length) = self.block(to);
            // Who takes the prefix of another has it twice: the kernel takes no second route.
            let stolen = self
                .stolen
                .is_some_and(|(at, from)| at == to || (at, from) == (node, to));
            if to == node || stolen || toward(Fault::MissingRoute, to).is_some() {
                continue;
            }
            let wider = u8::from(toward(Fault::NarrowPrefix, to).is_some());
            // The pods of a node have the lower addresses of its prefix: they are those that lose the way.
            let start = block + if wider > 0 { 1 << (31 - length) } else { 0 };
            let via = toward(Fault::Detour, to).map_or(to, |p| p.wrong);
            let net = format!("{}/{}", Ipv4Addr::from(start), length + wider);
            files.via(&net, self.node_address(via).into());
        }
        files.via("default", OUTSIDE.into());
        let pod = |p: Place| {
            let home = self.plan.node_of(p.pod);
            self.pod_address(home, p.pod % self.plan.pods_each)
        };
        if let Some(place) = self.at(Fault::Blackhole, node) {
            files
                .routes
                .push(json!({"type": "blackhole", "dst": pod(place), "table": "main"}));
        }
        if let Some(place) = self.fault(Fault::Loop) {
            let ends = [(place.at, place.wrong), (place.wrong, place.at)];
            for (_, to) in ends.iter().filter(|(from, _)| *from == node) {
                files.via(&pod(place).to_string(), self.node_address(*to).into());
            }
        }
    }

    fn pod<E>(&self, node: u32, number: u32, put: &mut Put<'_, E>) -> Result<(), E> {
        let (block, length) = self.block(node);
        let own = node * self.plan.pods_each + number;
        let mut files = Files::new();
        files.peer(0, &Plan::node_name(node));
        files.device(&Device {
            index: 2,
            name: "eth0",
            kind: Kind::Pair {
                netns: 0,
                index: number + 4,
            },
            master: None,
            address: Some((self.pod_address(node, number), length)),
            mac: (2 << 40) + (4 << 32) + u64::from(own),
        });
        let wrong = self
            .fault(Fault::WrongGateway)
            .is_some_and(|p| p.own == own);
        let last = (u32::MAX >> length) - 1;
        let gateway = Ipv4Addr::from(block + if wrong { last } else { 1 });
        files.via("default", gateway.into());
        for container in 0..self.wish.containers {
            files.socket(PORT + container, &format!("c{}", container + 1));
        }
        files.put(&pod_name(node, number), put)
    }

    /// A host outside: it knows no pod.
    fn outside<E>(&self, put: &mut Put<'_, E>) -> Result<(), E> {
        let mut files = Files::new();
        files.peer(0, "wire");
        files.device(&Device {
            index: 2,
            name: "eth0",
            kind: Kind::Pair {
                netns: 0,
                index: self.plan.nodes + 3,
            },
            master: None,
            address: Some((OUTSIDE, WIRE)),
            mac: (2 << 40) + (5 << 32),
        });
        files.socket(443, "web");
        files.put("outside", put)
    }

    /// The bridge between nodes and the host outside.
    fn wire<E>(&self, put: &mut Put<'_, E>) -> Result<(), E> {
        let mut files = Files::new();
        files.device(&Device {
            index: 2,
            name: "br0",
            kind: Kind::Bridge,
            master: None,
            address: None,
            mac: (2 << 40) + (6 << 32),
        });
        for at in 0..=self.plan.nodes {
            let name = if at == self.plan.nodes {
                "outside".to_owned()
            } else {
                Plan::node_name(at)
            };
            files.peer(at, &name);
            files.device(&Device {
                index: at + 3,
                name: &format!("p{}", at + 1),
                kind: Kind::Pair {
                    netns: at,
                    index: 2,
                },
                master: Some("br0"),
                address: None,
                mac: (2 << 40) + (7 << 32) + u64::from(at),
            });
        }
        files.put("wire", put)
    }
}

/// What flannel and kube-proxy install on a node without Services.
fn rules(own: &str) -> String {
    format!(
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:FLANNEL-FWD - [0:0]\n\
         :KUBE-FORWARD - [0:0]\n-A FORWARD -j KUBE-FORWARD\n-A FORWARD -j FLANNEL-FWD\n\
         -A FLANNEL-FWD -s {ALL_PODS} -j ACCEPT\n-A FLANNEL-FWD -d {ALL_PODS} -j ACCEPT\n\
         -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n\
         -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n\
         *nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n\
         :FLANNEL-POSTRTG - [0:0]\n-A POSTROUTING -j FLANNEL-POSTRTG\n\
         -A FLANNEL-POSTRTG -s {own} -d {ALL_PODS} -j RETURN\n-A FLANNEL-POSTRTG -s {own} -d {ALL_NODES} -j RETURN\n\
         -A FLANNEL-POSTRTG -s {own} ! -d 224.0.0.0/4 -j MASQUERADE --random-fully\nCOMMIT\n"
    )
}
