//! The dumps of one network namespace, as the tools print what is read of them.
//!
//! Must never know: which namespaces there are, files on disk.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

/// Takes a file: its name below the folder, and its text.
pub type Put<'p, E> = dyn FnMut(&str, &str) -> Result<(), E> + 'p;

const NO_TABLES: &str = "{\"nftables\": []}";
const RULES: &str = "[{\"priority\":0,\"src\":\"all\",\"table\":\"local\"},{\"priority\":32766,\"src\":\"all\",\"table\":\"main\"},\
     {\"priority\":32767,\"src\":\"all\",\"table\":\"default\"}]";

/// One interface, for `ip link` and `ip addr`.
pub(super) struct Device<'d> {
    pub(super) index: u32,
    pub(super) name: &'d str,
    /// `veth` (with the other end: number of its namespace and index), `bridge`, else `lo`.
    pub(super) kind: Kind,
    pub(super) master: Option<&'d str>,
    pub(super) address: Option<(Ipv4Addr, u8)>,
    pub(super) mac: u64,
}

pub(super) enum Kind {
    Loopback,
    Bridge,
    Pair { netns: u32, index: u32 },
}

/// The files of one namespace.
#[derive(Default)]
pub(super) struct Files {
    links: Vec<Value>,
    addresses: Vec<Value>,
    pub(super) routes: Vec<Value>,
    netns: Vec<Value>,
    pub(super) forwards: bool,
    bridges: bool,
    pub(super) iptables: Option<String>,
    sockets: String,
}

impl Files {
    pub(super) fn new() -> Self {
        let mut files = Self::default();
        files.device(&Device {
            index: 1,
            name: "lo",
            kind: Kind::Loopback,
            master: None,
            address: Some((Ipv4Addr::LOCALHOST, 8)),
            mac: 0,
        });
        files
    }

    pub(super) fn device(&mut self, device: &Device<'_>) {
        let flags = match device.kind {
            Kind::Loopback => json!(["LOOPBACK", "UP", "LOWER_UP"]),
            _ => json!(["BROADCAST", "MULTICAST", "UP", "LOWER_UP"]),
        };
        let mut link = json!({"ifindex": device.index, "ifname": device.name, "flags": flags});
        match device.kind {
            Kind::Loopback => link["link_type"] = json!("loopback"),
            Kind::Bridge => {
                link["linkinfo"] = json!({"info_kind": "bridge"});
                self.bridges = true;
            }
            Kind::Pair { netns, index } => {
                link["link_index"] = json!(index);
                link["link_netnsid"] = json!(netns);
                link["linkinfo"] = json!({"info_kind": "veth"});
            }
        }
        if device.mac > 0 {
            link["link_type"] = json!("ether");
            let bytes: Vec<String> = (0..6)
                .rev()
                .map(|at| format!("{:02x}", (device.mac >> (8 * at)) & 0xff))
                .collect();
            link["address"] = json!(bytes.join(":"));
        }
        if let Some(master) = device.master {
            link["master"] = json!(master);
            link["linkinfo"]["info_slave_kind"] = json!("bridge");
            link["linkinfo"]["info_slave_data"] =
                json!({"state": "forwarding", "hairpin": true, "isolated": false});
        }
        self.links.push(link);
        let Some((ip, length)) = device.address else {
            return;
        };
        let scope = if ip.is_loopback() { "host" } else { "global" };
        self.addresses.push(
            json!({"ifindex": device.index, "ifname": device.name, "addr_info": [
            {"family": "inet", "local": ip, "prefixlen": length, "scope": scope}]}),
        );
        let mut local = |kind: &str, to: String, scope: &str| {
            self.routes.push(
                json!({"type": kind, "dst": to, "dev": device.name, "table": "local",
                "scope": scope, "prefsrc": ip}),
            );
        };
        if ip.is_loopback() {
            local("local", "127.0.0.0/8".to_owned(), "host");
        }
        local("local", ip.to_string(), "host");
        let last = u32::from(ip) | (u32::MAX >> length);
        local("broadcast", Ipv4Addr::from(last).to_string(), "link");
        if !ip.is_loopback() {
            let net = Ipv4Addr::from(u32::from(ip) & !(u32::MAX >> length));
            self.routes.push(
                json!({"type": "unicast", "dst": format!("{net}/{length}"), "dev": device.name,
                "table": "main", "scope": "link", "prefsrc": ip}),
            );
        }
    }

    pub(super) fn via(&mut self, to: &str, gateway: IpAddr) {
        self.routes.push(
            json!({"type": "unicast", "dst": to, "gateway": gateway, "dev": "eth0",
            "table": "main", "scope": "global"}),
        );
    }

    pub(super) fn peer(&mut self, number: u32, name: &str) {
        self.netns.push(json!({"nsid": number, "name": name}));
    }

    pub(super) fn socket(&mut self, port: u32, process: &str) {
        let _ = writeln!(
            self.sockets,
            "tcp LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:((\"{process}\",pid=1,fd=3))"
        );
    }

    pub(super) fn put<E>(self, name: &str, put: &mut Put<'_, E>) -> Result<(), E> {
        let mut file = |of: &str, text: &str| put(&format!("{name}/{of}"), text);
        // A record a line: what a message points at can be read.
        let lines = |all: Vec<Value>| {
            let all: Vec<String> = all.iter().map(Value::to_string).collect();
            format!("[{}]\n", all.join(",\n"))
        };
        let on = u8::from(self.forwards);
        let mut sysctl = String::from("net.bridge.bridge-nf-call-iptables = 1\n");
        for key in [
            "accept_local",
            "arp_ignore",
            "proxy_arp",
            "route_localnet",
            "rp_filter",
        ] {
            let _ = writeln!(
                sysctl,
                "net.ipv4.conf.all.{key} = 0\nnet.ipv4.conf.default.{key} = 0"
            );
        }
        let _ = writeln!(
            sysctl,
            "net.ipv4.conf.all.forwarding = {on}\nnet.ipv4.conf.default.forwarding = {on}\n\
             net.ipv4.ip_forward = {on}\nnet.ipv6.conf.all.disable_ipv6 = 1\n\
             net.ipv6.conf.all.forwarding = 0"
        );
        file("link.json", &lines(self.links))?;
        file("addr.json", &lines(self.addresses))?;
        file("route-all.json", &lines(self.routes))?;
        file("netns-ids.json", &lines(self.netns))?;
        file("rule.json", RULES)?;
        file("neigh.json", "[]")?;
        if self.bridges {
            file("bridge-fdb.json", "[]")?;
        }
        if let Some(rules) = &self.iptables {
            file("iptables-save.txt", rules)?;
        }
        file("nft.json", NO_TABLES)?;
        file("sysctl.txt", &sysctl)?;
        file("ss-listen.txt", &self.sockets)
    }
}
