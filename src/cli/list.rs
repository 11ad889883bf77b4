//! `kubeproof list`: what there is to ask about.

use clap::ValueEnum;
use kubeproof::base::source::SourceMap;
use kubeproof::report::names::Names;
use kubeproof::report::{rule, trace};
use kubeproof::{findings, input, lang, library, logic, lower, policy, session};

use kubeproof::model::policy::Settings;

use super::assume::ASSUMPTIONS;
use super::choices::Choices;
use super::exit::Exit;
use super::output::Output;
use super::trace::one_cluster;

/// What `list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to list
    #[arg(value_enum, default_value_t = What::Constraints)]
    what: What,

    /// For `entities`, `rules` and `links`: the cluster's files
    #[arg(value_name = "PATH")]
    paths: Vec<String>,

    /// Which cluster, where the PATHs hold several
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    #[command(flatten)]
    choices: Choices,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The built-in constraints
    Constraints,
    /// The predicates of the constraint language
    Predicates,
    /// Codes of errors and findings
    Codes,
    /// How a message can end
    Dispositions,
    /// What may be taken for granted
    Assumptions,
    /// Kinds of objects that are read
    Kinds,
    /// Entities of a cluster, with their addresses
    Entities,
    /// FIB rules of a cluster
    Rules,
    /// Links of a cluster
    Links,
}

/// How a message can end, in words.
const DISPOSITIONS: &[(&str, &str)] = &[
    (
        "delivered",
        "a process received it (and, for TCP and SCTP, the answer came back)",
    ),
    (
        "no-reply",
        "a process received it, but the answer did not come back to the sender's socket",
    ),
    (
        "no-rule",
        "no rule of the switch's FIB matched; the default is to discard",
    ),
    ("discard-rule", "a rule of the cluster file discarded it"),
    ("no-link", "the action wanted a link that is not there"),
    (
        "loop",
        "the same switch, header and connection state came again",
    ),
    (
        "closed-port",
        "the address is the switch's own, and nobody listens on the port",
    ),
    ("no-endpoint", "the port of a service has no endpoint"),
    (
        "no-route",
        "the address cannot be reached from there: a service address from outside",
    ),
    ("policy", "a policy forbids the connection"),
];

const KINDS: &[(&str, &str)] = &[
    (
        "Cluster",
        "kubeproof.dev/v1: nodes, pods, services, externals, links and FIBs, by hand",
    ),
    ("*.spec", "constraints, as text"),
];

fn codes() -> Vec<(&'static str, &'static str)> {
    [
        input::CODES,
        input::compact::CODES,
        input::tables::CODES,
        input::linux::CODES,
        input::intent::CODES,
        input::kubernetes::CODES,
        input::kubernetes::services::CODES,
        input::kubernetes::policy::CODES,
        lower::CODES,
        lang::CODES,
        logic::check::CODES,
        logic::bind::CODES,
        findings::CODES,
        findings::services::CODES,
        findings::routes::CODES,
        policy::findings::CODES,
    ]
    .concat()
}

/// Our own kinds, then those of Kubernetes.
fn kinds() -> Vec<(String, String)> {
    let mut rows = owned(KINDS);
    for (group, versions, kind) in input::kubernetes::KINDS {
        let slash = if group.is_empty() { "" } else { "/" };
        let group: Vec<String> = versions
            .iter()
            .map(|version| format!("{group}{slash}{version}"))
            .collect();
        rows.push(((*kind).to_owned(), group.join(", ")));
    }
    rows
}

fn assumptions() -> Vec<(String, String)> {
    ASSUMPTIONS
        .iter()
        .map(|a| (a.id.to_owned(), a.says()))
        .collect()
}

fn predicates() -> Vec<(String, String)> {
    logic::signature::SIGNATURES
        .iter()
        .map(|s| (s.form.to_owned(), s.says.to_owned()))
        .collect()
}

/// What a code, predicate, disposition or assumption means.
pub(crate) fn explain(id: &str) -> Option<String> {
    let tables = [codes(), DISPOSITIONS.to_vec()].concat();
    let found = owned(&tables)
        .into_iter()
        .chain(kinds())
        .chain(assumptions())
        .find(|(name, _)| name.eq_ignore_ascii_case(id));
    // A predicate is spelled exactly; `namespace` is one, and `Namespace` a kind.
    let same: Vec<String> = predicates()
        .into_iter()
        .filter(|(name, _)| name.split('(').next() == Some(id))
        .map(|(name, meaning)| format!("{name}: {meaning}\n"))
        .collect();
    if same.is_empty() {
        found.map(|(name, meaning)| format!("{name}: {meaning}\n"))
    } else {
        Some(same.concat())
    }
}

/// Prints a list.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    let of_cluster = matches!(args.what, What::Entities | What::Rules | What::Links);
    if of_cluster == args.paths.is_empty() {
        if of_cluster {
            output.fail("this list is one of a cluster: give its PATH");
        } else {
            output.fail("this list is the same for all clusters: it takes no PATH");
        }
        return Exit::Bad;
    }
    let rows: Vec<(String, String)> = match args.what {
        What::Constraints => constraints(),
        What::Predicates => predicates(),
        What::Codes => owned(&codes()),
        What::Dispositions => owned(DISPOSITIONS),
        What::Assumptions => assumptions(),
        What::Kinds => kinds(),
        What::Entities | What::Rules | What::Links => {
            let Some((sources, cluster, lowered)) = one_cluster(
                &args.paths,
                &args.choices,
                None,
                args.cluster.as_deref(),
                Settings::default(),
                output,
            ) else {
                return Exit::Bad;
            };
            let text = of(args.what, &sources, &cluster, &lowered);
            output.print(&text);
            return if text.is_empty() {
                Exit::Nothing
            } else {
                Exit::Good
            };
        }
    };
    output.print(&aligned(&rows));
    Exit::Good
}

fn owned(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

fn constraints() -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for builtin in library::builtins() {
        let mut sources = SourceMap::new();
        let source = sources.add(builtin.file, builtin.text);
        for c in session::parse(&sources, source).0 {
            let opt_in = if builtin.opt_in { " (opt-in)" } else { "" };
            rows.push((
                format!("{} {}", c.id, c.name),
                format!("{}{opt_in}", c.title),
            ));
        }
    }
    rows
}

fn aligned(rows: &[(String, String)]) -> String {
    let width = rows
        .iter()
        .map(|(a, _)| a.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (a, b) in rows {
        text.push_str(&format!("{a:width$}  {b}\n"));
    }
    text
}

fn of(
    what: What,
    sources: &SourceMap,
    cluster: &kubeproof::model::cluster::Cluster,
    lowered: &lower::Lowered,
) -> String {
    let names = Names::new(cluster);
    let mut text = String::new();
    match what {
        What::Entities => {
            let addr = &lowered.structure.addr;
            let rows: Vec<(String, String)> = cluster
                .ids()
                .map(|id| {
                    // The table is sorted by entity.
                    let held = &addr[addr.partition_point(|(e, _)| *e < id)..];
                    let held = held.iter().take_while(|(e, _)| *e == id);
                    let nets: Vec<String> = held
                        .map(|(_, net)| kubeproof::model::inet::show_net(*net))
                        .collect();
                    (names.full(id), nets.join(", "))
                })
                .collect();
            for line in aligned(&rows).lines() {
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        What::Links => {
            for (from, to) in &lowered.network.links {
                text.push_str(&format!(
                    "link({}, {})\n",
                    names.full(*from),
                    names.full(*to)
                ));
            }
        }
        _ => {
            for switch in &lowered.network.switches {
                text.push_str(&format!("FIB[{}]\n", names.full(switch.id)));
                let rows: Vec<(String, String)> = switch
                    .fib
                    .iter()
                    .map(|r| {
                        (
                            format!("  {}", rule::show(r, &names)),
                            trace::place(sources, r.origin),
                        )
                    })
                    .collect();
                text.push_str(&aligned(&rows));
            }
        }
    }
    text
}
