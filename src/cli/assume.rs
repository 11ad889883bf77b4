//! Assumptions: what may be taken for granted, and `--assume ID=VALUE` (`formats.md`, Assumptions).
//!
//! Knows: ids, values, defaults, and what they set. Must never know: verdicts.

use kubeproof::model::policy::Settings;

/// One `--assume ID=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    id: &'static str,
    value: String,
}

/// What all of them come to; the last word on one counts.
pub(crate) fn settings(choices: &[Choice]) -> Settings {
    let mut settings = Settings::default();
    for Choice { id, value } in choices {
        match *id {
            "ipblock-matches-pods" => settings.ipblock_matches_pods = value == "yes",
            "host-network-policy" => settings.host_network_as_pod = value == "pod",
            "egress-to-own-node" => settings.egress_to_own_node = value == "allow",
            "hairpin" => settings.hairpin_under_policy = value == "policy",
            _ => {}
        }
    }
    settings
}

/// An assumption.
#[derive(Debug)]
pub(crate) struct Assumption {
    pub(crate) id: &'static str,
    /// The values that can be asked for, the default first; none for what the input cannot show.
    values: &'static [&'static str],
    meaning: &'static str,
}

impl Assumption {
    /// One line for people.
    pub(crate) fn says(&self) -> String {
        match self.values {
            [] => format!(
                "{} (printed where it applies, cannot be switched)",
                self.meaning
            ),
            [only] => format!("{} ({only}, the only value)", self.meaning),
            [default, others @ ..] => {
                format!("{} ({default}; or {})", self.meaning, others.join(", "))
            }
        }
    }
}

/// All of `formats.md`.
pub(crate) const ASSUMPTIONS: &[Assumption] = &[
    Assumption {
        id: "ideal-plugin",
        values: &[],
        meaning: "where the input states no FIB, it is the seed's ideal one",
    },
    Assumption {
        id: "node-source-address",
        values: &[],
        meaning: "a node without an address sends from one that nobody holds and its answers are not judged; a node \
                  with several sends from any of them",
    },
    Assumption {
        id: "declared-ports-listen",
        values: &[],
        meaning: "containers listen on the ports that they declare, on every address, and on no others",
    },
    Assumption {
        id: "plugin-enforces-policies",
        values: &[],
        meaning: "the network plugin enforces the policies",
    },
    Assumption {
        id: "templates-ready",
        values: &[],
        meaning: "pods of manifests and templates come up and are ready",
    },
    Assumption {
        id: "some-addresses",
        values: &[],
        meaning: "what has no address yet has some private address (or one of --pod-cidr) that is distinct from all others",
    },
    Assumption {
        id: "some-nodes",
        values: &[],
        meaning: "pods without a node are on some nodes",
    },
    Assumption {
        id: "ignored-kind",
        values: &[],
        meaning: "objects of the kinds that `--ignore-kind` names are taken to change nothing",
    },
    Assumption {
        id: "ipblock-matches-pods",
        values: &["yes", "no"],
        meaning: "whether an ipBlock of a policy matches the addresses of pods",
    },
    Assumption {
        id: "host-network-policy",
        values: &["node", "pod"],
        meaning: "whether a hostNetwork pod is its node to policies, or a pod",
    },
    Assumption {
        id: "egress-to-own-node",
        values: &["allow", "deny"],
        meaning: "whether a pod under egress isolation may reach its own node",
    },
    Assumption {
        id: "hairpin",
        values: &["allow", "policy"],
        meaning: "whether a pod reaches itself through a Service, whatever policies say",
    },
    Assumption {
        id: "equal-priority",
        values: &["report"],
        meaning: "what becomes of policies of equal priority that contradict each other",
    },
];

/// Reads `ID=VALUE`; what is wrong with it is told on one line.
pub(crate) fn parse(text: &str) -> Result<Choice, String> {
    let Some((id, value)) = text.split_once('=') else {
        return Err("write ID=VALUE, such as hairpin=allow".to_owned());
    };
    let switchable = || ASSUMPTIONS.iter().filter(|a| !a.values.is_empty());
    let Some(known) = ASSUMPTIONS.iter().find(|a| a.id == id) else {
        let ids: Vec<String> = switchable()
            .map(|a| format!("{}={}", a.id, a.values.join("|")))
            .collect();
        return Err(format!(
            "there is no assumption `{id}`; known are {}",
            ids.join(", ")
        ));
    };
    match known.values {
        [] => Err(format!(
            "`{id}` is what the input cannot show: it is printed where it applies and cannot be switched"
        )),
        values if values.contains(&value) => Ok(Choice {
            id: known.id,
            value: value.to_owned(),
        }),
        values => Err(format!("`{id}` is one of {}", values.join(", "))),
    }
}
