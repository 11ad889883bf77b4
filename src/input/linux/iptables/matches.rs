//! What a rule of `iptables` tests.
//!
//! Knows: matches and their options. Must never know: targets, chains.

use super::Around;
use super::words::{Words, masked, nets, ports, state};
use crate::input::linux::discovery::{of_protocols, of_types};
use crate::input::linux::ipset::range;
use crate::input::linux::record::number;
use crate::input::linux::route::type_of;
use crate::input::linux::rule::protocol_of;
use crate::model::inet::{IpNet, PortSet};
use crate::model::linux::{
    AddressType, CtState, Discovery, Effect, Fits, Side, Test, Tested, WayBack,
};

/// Reads the tests of one rule.
pub(super) struct Reader<'a> {
    around: &'a Around<'a>,
    /// The match that options belong to.
    module: String,
    tests: Vec<Test>,
    /// What is tested of protocols, of neighbour discovery.
    pub(super) discovery: Discovery,
    /// `-m statistic`: what was said of it so far.
    statistic: Option<(bool, Option<f64>, Option<u32>)>,
    /// The match is not modelled, and was told.
    vague: bool,
    /// `-m recent`: whether it asks for what was there before.
    recent: bool,
    /// How many tests there were before the match.
    before: usize,
}

/// Either may be, at any time.
const SOMETIMES: Tested = Tested::Sometimes {
    never: false,
    always: false,
};

/// Matches that say nothing about who gets what.
const SILENT: &[&str] = &["comment", "nfacct"];

impl<'a> Reader<'a> {
    pub(super) fn new(around: &'a Around<'a>) -> Self {
        Self {
            around,
            module: String::new(),
            tests: Vec::new(),
            discovery: Discovery::both(Fits::Always),
            statistic: None,
            vague: false,
            recent: false,
            before: 0,
        }
    }

    fn push(&mut self, negated: bool, what: Tested) {
        self.tests.push(Test { negated, what });
    }

    fn unknown(&mut self, what: String) {
        self.push(false, Tested::Unknown(what));
    }

    /// One option. A number that is none is a mistake of the dump; an option that is not known a limit of the model.
    pub(super) fn option(&mut self, word: &str, words: &mut Words) -> Result<(), String> {
        let negated = words.negated;
        let bad = |value: &str| format!("`{word} {value}` cannot be read");
        match word {
            "-m" | "--match" => {
                self.module = words.value(word)?;
                self.module_begins();
            }
            "-s" | "--source" | "--src" | "-d" | "--destination" | "--dst" => {
                let value = words.value(word)?;
                let negated = words.negated;
                let list = nets(&value).ok_or_else(|| bad(&value))?;
                let source = matches!(word, "-s" | "--source" | "--src");
                self.addresses(negated, source, list);
            }
            "-p" | "--protocol" | "--proto" => {
                let value = words.value(word)?;
                let negated = words.negated;
                self.protocol(negated, &value);
            }
            "-i" | "--in-interface" => {
                let value = words.value(word)?;
                self.push(words.negated, Tested::InDevice(vec![value]));
            }
            "-o" | "--out-interface" => {
                let value = words.value(word)?;
                self.push(words.negated, Tested::OutDevice(vec![value]));
            }
            // No message of the model is a later fragment.
            "-f" | "--fragment" => self.push(negated, Tested::Protocol(Vec::new())),
            "-4" | "--ipv4" | "-6" | "--ipv6" => {}
            "-c" | "--set-counters" => {
                words.value(word)?;
                words.value(word)?;
            }
            _ => self.of_module(word, words)?,
        }
        Ok(())
    }

    fn module_begins(&mut self) {
        self.vague = false;
        self.before = self.tests.len();
        match self.module.as_str() {
            "statistic" => self.statistic = Some((false, None, None)),
            // How much came before is not known: either may be.
            "limit" | "hashlimit" => {
                self.push(false, SOMETIMES);
                self.vague = true;
            }
            "rpfilter" => self.push(false, Tested::WayBack(WayBack::default())),
            "connlimit" | "connbytes" | "quota" | "time" | "bpf" | "u32" | "string" | "socket"
            | "policy" | "length" | "ttl" | "hl" | "tos" | "dscp" | "ecn" | "cgroup" | "mac"
            | "realm" | "helper" | "ipvs" | "cpu" | "devgroup" | "cluster" | "rateest"
            | "tcpmss" | "dccp" | "esp" | "ah" | "frag" | "rt" | "hbh" | "dst" | "mh"
            | "ipv6header" | "eui64" | "srh" | "nth" | "random" | "geoip" => {
                let what = format!("match {}", self.module);
                self.unknown(what);
                self.vague = true;
            }
            _ => {}
        }
    }

    fn addresses(&mut self, negated: bool, source: bool, list: Vec<IpNet>) {
        if list.iter().any(|n| n.prefix_len() == 0) && !negated {
            return;
        }
        let what = if source {
            Tested::Source(list)
        } else {
            Tested::Destination(list)
        };
        self.push(negated, what);
    }

    fn protocol(&mut self, negated: bool, value: &str) {
        if matches!(value, "all" | "0" | "ip") {
            if negated {
                self.push(false, Tested::Protocol(Vec::new()));
                self.discovery = Discovery::both(Fits::Never);
            }
            return;
        }
        self.discovery = self.discovery.and(of_protocols(&[value], negated));
        let known = protocol_of(value).into_iter().collect();
        self.push(negated, Tested::Protocol(known));
        if self.module.is_empty() {
            value.clone_into(&mut self.module);
        }
    }

    /// An option of the match that was loaded last.
    fn of_module(&mut self, word: &str, words: &mut Words) -> Result<(), String> {
        let negated = words.negated;
        let bad = |value: &str| format!("`{word} {value}` cannot be read");
        let module = self.module.clone();
        match (module.as_str(), word) {
            (m, _) if SILENT.contains(&m) => drop(words.maybe()),
            (
                "tcp" | "udp" | "sctp" | "6" | "17" | "132",
                "--sport" | "--source-port" | "--dport" | "--destination-port",
            ) => {
                let value = words.value(word)?;
                let negated = words.negated;
                let set = ports(&value).ok_or_else(|| bad(&value))?;
                self.port(negated, matches!(word, "--sport" | "--source-port"), set);
            }
            ("multiport", "--sports" | "--source-ports" | "--dports" | "--destination-ports") => {
                let value = words.value(word)?;
                let negated = words.negated;
                let set = ports(&value).ok_or_else(|| bad(&value))?;
                self.port(negated, matches!(word, "--sports" | "--source-ports"), set);
            }
            ("tcp" | "6", "--syn") => self.flags(negated, "FIN,SYN,RST,ACK", "SYN"),
            ("tcp" | "6", "--tcp-flags") => {
                let (mask, set) = (words.value(word)?, words.value(word)?);
                self.flags(negated, &mask, &set);
            }
            ("conntrack", "--ctstate") | ("state", "--state") => {
                let value = words.value(word)?;
                let negated = words.negated;
                let states = value.split(',').map(state).collect::<Option<Vec<_>>>();
                let states = states.ok_or_else(|| bad(&value))?;
                self.push(negated, Tested::State(states));
            }
            ("mark" | "connmark", "--mark") => {
                let text = words.value(word)?;
                let negated = words.negated;
                let (value, mask) = masked(&text).ok_or_else(|| bad(&text))?;
                let what = if module == "mark" {
                    Tested::Mark { value, mask }
                } else {
                    Tested::ConnMark { value, mask }
                };
                self.push(negated, what);
            }
            ("addrtype", "--dst-type" | "--src-type") => {
                let value = words.value(word)?;
                let kinds: Option<Vec<_>> = value.to_lowercase().split(',').map(type_of).collect();
                match kinds {
                    Some(kinds) => {
                        let of = AddressType {
                            source: word == "--src-type",
                            kinds,
                            device: None,
                        };
                        self.push(words.negated, Tested::Type(of));
                    }
                    None => self.unknown(format!("addrtype {word} {value}")),
                }
            }
            ("addrtype", "--limit-iface-in" | "--limit-iface-out") => {
                let side = if word == "--limit-iface-in" {
                    Side::In
                } else {
                    Side::Out
                };
                for test in &mut self.tests[self.before..] {
                    if let Tested::Type(of) = &mut test.what {
                        of.device = Some(side);
                    }
                }
            }
            ("rpfilter", "--loose" | "--validmark" | "--accept-local" | "--invert") => {
                for test in &mut self.tests[self.before..] {
                    match (&mut test.what, word) {
                        (_, "--invert") => test.negated = true,
                        (Tested::WayBack(way), "--loose") => way.loose = true,
                        (Tested::WayBack(way), "--validmark") => way.marked = true,
                        (Tested::WayBack(way), _) => way.local = true,
                        _ => {}
                    }
                }
            }
            ("owner", "--uid-owner" | "--gid-owner") => {
                let value = words.value(word)?;
                let what = format!("match owner {word} {value}");
                self.push(words.negated, Tested::Owner(what));
            }
            ("owner", "--socket-exists") => {
                self.push(negated, Tested::Owner(format!("match owner {word}")));
            }
            ("physdev", "--physdev-in") => {
                let value = words.value(word)?;
                self.push(words.negated, Tested::PhysIn(value));
            }
            ("physdev", "--physdev-out") => {
                let value = words.value(word)?;
                self.push(words.negated, Tested::PhysOut(value));
            }
            ("physdev", "--physdev-is-bridged") => self.push(negated, Tested::Bridged),
            // By whichever port.
            ("physdev", "--physdev-is-in") => self.push(negated, Tested::PhysIn("+".to_owned())),
            ("physdev", "--physdev-is-out") => self.push(negated, Tested::PhysOut("+".to_owned())),
            ("set", "--match-set") => {
                let (name, dirs) = (words.value(word)?, words.value(word)?);
                let what = self.set(&name, &dirs);
                self.push(negated, what);
            }
            ("set", "--return-nomatch") => self.unknown(format!("set {word}")),
            ("owner", "--suppl-groups")
            | ("set", "! --update-counters" | "--update-counters" | "--update-subcounters") => {}
            ("statistic", "--mode" | "--packet") => drop(words.value(word)?),
            ("statistic", "--probability") => {
                let value = words.value(word)?;
                let share = value.parse().map_err(|_| bad(&value))?;
                self.statistic = Some((words.negated, Some(share), None));
            }
            ("statistic", "--every") => {
                let value = words.value(word)?;
                let every = number(&value).ok_or_else(|| bad(&value))?;
                self.statistic = Some((words.negated, None, Some(every)));
            }
            ("recent", "--set") => self.recent |= negated,
            ("recent", "--rcheck" | "--update" | "--remove") => self.recent = true,
            ("icmp6" | "icmpv6" | "ipv6-icmp", "--icmpv6-type") => {
                let value = words.value(word)?;
                self.discovery = self.discovery.and(of_types(&[&value], words.negated));
            }
            ("recent" | "icmp" | "icmp6" | "icmpv6" | "ipv6-icmp", _) => drop(words.maybe()),
            ("iprange", "--src-range" | "--dst-range") => {
                let value = words.value(word)?;
                let negated = words.negated;
                let (low, high) = value.split_once('-').unwrap_or((&value, &value));
                let list = range(low, high).ok_or_else(|| bad(&value))?;
                self.addresses(negated, word == "--src-range", list);
            }
            ("pkttype", "--pkt-type") => {
                self.discovery = self.discovery.and(Discovery::both(Fits::Perhaps));
                let unicast = words.value(word)?.eq_ignore_ascii_case("unicast");
                if unicast == words.negated {
                    self.push(false, Tested::Protocol(Vec::new()));
                }
            }
            _ => {
                let value = words.maybe();
                let value = value.map_or_else(String::new, |v| format!(" {v}"));
                if !self.vague {
                    self.unknown(format!("match {module} {word}{value}"));
                }
            }
        }
        Ok(())
    }

    fn port(&mut self, negated: bool, source: bool, set: PortSet) {
        let what = if source {
            Tested::SourcePort(set)
        } else {
            Tested::DestinationPort(set)
        };
        self.push(negated, what);
    }

    /// The opening message of TCP has SYN alone, its answer SYN and ACK, all others ACK, some PSH or FIN with it.
    fn flags(&mut self, negated: bool, mask: &str, set: &str) {
        let has = |list: &str, flag: &str| {
            list.split(',')
                .any(|f| f.eq_ignore_ascii_case(flag) || f.eq_ignore_ascii_case("ALL"))
        };
        let holds = |flags: &[&str]| {
            ["FIN", "SYN", "RST", "PSH", "ACK", "URG"]
                .iter()
                .all(|flag| !has(mask, flag) || flags.contains(flag) == has(set, flag))
        };
        let (opening, answer) = (holds(&["SYN"]), holds(&["SYN", "ACK"]));
        let later = [
            holds(&["ACK"]),
            holds(&["ACK", "PSH"]),
            holds(&["ACK", "FIN"]),
            holds(&["ACK", "PSH", "FIN"]),
        ];
        let alike = later.iter().all(|l| *l == later[0]);
        let later = alike.then_some(later[0]);
        let what = match (opening, answer, later) {
            (true, true, Some(true)) => Tested::Always,
            (false, false, Some(false)) => Tested::Protocol(Vec::new()),
            // A rule that exempts from connection tracking may ask.
            _ if self.around.untracked => {
                Tested::Unknown(format!("match tcp --tcp-flags {mask} {set}"))
            }
            (true, false, Some(false)) => Tested::State(vec![CtState::New]),
            _ => Tested::Flags {
                opening,
                answer,
                later,
            },
        };
        self.push(negated, what);
    }

    fn set(&self, name: &str, dirs: &str) -> Tested {
        if self.around.changing.contains(name) {
            return Tested::Unknown(format!("match set {name}: rules change it"));
        }
        match self.around.sets.fields(name, dirs) {
            Some(fields) => Tested::InSet {
                set: name.to_owned(),
                fields,
            },
            None => Tested::Unknown(format!(
                "match set {name}: it is not dumped, or of a type that is not modelled"
            )),
        }
    }

    /// All tests; what follows is known now.
    pub(super) fn finish(mut self, effects: &[Effect]) -> Vec<Test> {
        if let Some((negated, share, every)) = self.statistic {
            let always = share.is_some_and(|p| p >= 1.0) || every == Some(1);
            let never = share.is_some_and(|p| p <= 0.0);
            let (never, always) = if negated {
                (always, never)
            } else {
                (never, always)
            };
            self.push(false, Tested::Sometimes { never, always });
        }
        if self.recent {
            // Who was here before is a choice where it decides which way to go on, and not known where it decides
            // whether to go on.
            let jumps = matches!(effects, [Effect::Jump(_) | Effect::Goto(_)]);
            let what = if jumps {
                SOMETIMES
            } else {
                Tested::Unknown("match recent".to_owned())
            };
            self.push(false, what);
        }
        self.tests
    }
}
