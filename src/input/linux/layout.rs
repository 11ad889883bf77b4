//! The layout of a snapshot: which files lie where, and which of them must.
//!
//! Knows: names of files. Must never know: what is in them, files on disk.

/// The file that says which namespace is what.
pub const TOP: &str = "snapshot.yaml";

/// The files of a namespace's folder that are read.
#[rustfmt::skip]
pub const FILES: &[&str] = &[
    "addr.json", "bridge-fdb.before.json", "bridge-fdb.json", "bridge-link.json", "cilium-endpoints.json",
    "cilium-ipcache.json", "cilium-services.json", "cilium-status.json", "cilium-tunnel.json", "ip6tables-save.txt",
    "ipset-save.txt", "iptables-save.txt", "link.json", "neigh.before.json", "neigh.json", "neigh-proxy.json",
    "netns-ids.json", "nft.json", "route.json", "route-all.json", "rule.json", "rule6.json", "ss-listen.txt",
    "sysctl.txt", "tc-qdisc.json", "xfrm-policy.txt",
];

/// What must be there: one of each row. What it says is in none of the others.
#[rustfmt::skip]
pub(super) const NEEDED: &[&[&str]] = &[
    &["link.json"],
    &["addr.json"],
    &["route-all.json", "route.json"],
    &["rule.json"],
    &["neigh.json", "neigh.before.json"],
    &["iptables-save.txt", "nft.json"],
    &["sysctl.txt"],
    &["ss-listen.txt"],
];

/// Whether a text that is called `snapshot.yaml` is one of ours, and not another's of the same name.
pub fn is_top(text: &str) -> bool {
    text.contains("LinuxSnapshot")
}

/// The folder of a snapshot's top file, by its name; none where it is called otherwise.
pub fn home(name: &str) -> Option<&str> {
    match name.strip_suffix(TOP)? {
        "" => Some(""),
        folder => folder.strip_suffix('/'),
    }
}

/// The namespace's folder and the file, where a name is that of a dump below a snapshot's folder.
pub fn dump<'n>(home: &str, name: &'n str) -> Option<(&'n str, &'n str)> {
    let rest = if home.is_empty() {
        name
    } else {
        name.strip_prefix(home)?.strip_prefix('/')?
    };
    let (folder, file) = rest.split_once('/')?;
    FILES.contains(&file).then_some((folder, file))
}

/// Whether a name is that of a file beside the snapshot's top file.
pub fn beside(home: &str, name: &str) -> bool {
    let rest = if home.is_empty() {
        Some(name)
    } else {
        name.strip_prefix(home).and_then(|n| n.strip_prefix('/'))
    };
    rest.is_some_and(|rest| !rest.contains('/'))
}
