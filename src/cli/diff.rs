//! `kubeproof diff OLD NEW`.

use clap::ValueEnum;
use kubeproof::base::source::SourceMap;
use kubeproof::connectivity::answer::{Options, Way};
use kubeproof::connectivity::compare::{Comparison, Side, choose_alike};
use kubeproof::connectivity::hidden::{Ends, same_rules};
use kubeproof::connectivity::witness::Witnesses;
use kubeproof::findings;
use kubeproof::lower::{Lowered, lower};
use kubeproof::model::cluster::Cluster;
use kubeproof::model::policy::Settings;
use kubeproof::policy::words::alike;
use kubeproof::report::diff::{self, Report};
use kubeproof::report::names::Names;
use kubeproof::report::trace::place;
use kubeproof::session;

use super::assume::{self, Choice};
use super::choices::Choices;
use super::exit::Exit;
use super::output::Output;
use super::trace::one_cluster;

/// What `diff` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The cluster as it was: a file or folder; `-` is standard input
    #[arg(value_name = "OLD")]
    old: String,

    /// The cluster as it becomes
    #[arg(value_name = "NEW")]
    new: String,

    /// What standard output gets
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,

    /// How many differences are shown with a message and its two traces [default: 10 in text, all in JSON]
    #[arg(long, value_name = "N")]
    traces: Option<usize>,

    /// Walk every class of messages, also where sets of ports and addresses say the same at once
    #[arg(long)]
    simulate: bool,

    /// Which cluster, where OLD or NEW holds several
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    /// Decide what Kubernetes leaves open; `kubeproof list assumptions` lists them
    #[arg(long, value_name = "ID=VALUE", value_parser = assume::parse)]
    assume: Vec<Choice>,

    #[command(flatten)]
    choices: Choices,

    /// What standard input is called in messages
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// `schemaVersion: 1`
    Json,
}

/// Text is for reading: nobody reads more traces than this.
const TRACES: usize = 10;

/// Compares two clusters.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    if args.old == "-" && args.new == "-" {
        output.fail("standard input can be read only once");
        output.help("name a file or a folder for OLD or NEW");
        return Exit::Bad;
    }
    let settings = assume::settings(&args.assume);
    let mut read = |path: &String| {
        one_cluster(
            std::slice::from_ref(path),
            &args.choices,
            args.stdin_filename.as_deref(),
            args.cluster.as_deref(),
            settings,
            output,
        )
    };
    // The mistakes of both are told.
    let (old, new) = (read(&args.old), read(&args.new));
    let (Some((old_sources, old, old_lowered)), Some((new_sources, mut new, mut new_lowered))) =
        (old, new)
    else {
        return Exit::Bad;
    };
    if choose_alike(&old, &mut new) {
        match lower(&new, &settings) {
            Ok(lowered) => new_lowered = lowered,
            Err(mistakes) => {
                output.diagnostics(&new_sources, &mistakes);
                return Exit::Bad;
            }
        }
    }
    // What is not modelled is part of the answer, and told there.
    for (sources, cluster) in [(&old_sources, &old), (&new_sources, &new)] {
        let mut limits = session::limits(cluster, settings);
        limits.retain(|d| d.code != "F004");
        output.diagnostics(sources, &limits);
    }
    let options = Options {
        way: if args.simulate {
            Way::Simulate
        } else {
            Way::Auto
        },
        ..Options::default()
    };
    let mut comparison = Comparison::new(
        (&old, &old_lowered.network),
        (&new, &new_lowered.network),
        options,
    );
    let differences = diff::all_differences(&mut comparison);
    let mut not_known = unmodelled([&old, &new]);
    let sides = [(&old, &old_lowered), (&new, &new_lowered)];
    if differences.is_empty() && differ_by_names(sides, settings, options) {
        not_known.push("domainNames (ClusterNetworkPolicy)".to_owned());
    }
    let mut hangs = Vec::new();
    if differences.is_empty() && !alike(&old, &new) {
        for (sources, cluster) in [(&old_sources, &old), (&new_sources, &new)] {
            for d in session::not_said(cluster, settings) {
                let place = d.span.map(|span| place(sources, span));
                hangs.push(format!("{} ({})", d.message, place.unwrap_or_default()));
            }
        }
    }
    let most = args.traces.unwrap_or(match args.output {
        Format::Text => TRACES,
        Format::Json => usize::MAX,
    });
    let witnesses = Witnesses::new((&old, &old_lowered), (&new, &new_lowered));
    let differences = differences
        .into_iter()
        .enumerate()
        .map(|(i, d)| {
            let witness = if i < most {
                witnesses.of(&comparison, &d)
            } else {
                None
            };
            (d, witness)
        })
        .collect();
    let report = Report {
        old: side_of(
            &comparison,
            Side::Old,
            (&old, &old_lowered),
            &old_sources,
            settings,
        ),
        new: side_of(
            &comparison,
            Side::New,
            (&new, &new_lowered),
            &new_sources,
            settings,
        ),
        subjects: comparison.subjects().to_vec(),
        differences,
        unmodelled: not_known,
        hangs,
    };
    output.print(&match args.output {
        Format::Text => diff::text(&report),
        Format::Json => diff::json(&report, "[]"),
    });
    if !report.differences.is_empty() {
        Exit::Violated
    } else if report.sure() {
        Exit::Good
    } else {
        Exit::Unknown
    }
}

fn side_of<'a>(
    comparison: &Comparison<'_>,
    side: Side,
    (cluster, lowered): (&'a Cluster, &'a Lowered),
    sources: &'a SourceMap,
    settings: Settings,
) -> diff::Cluster<'a> {
    diff::Cluster {
        names: Names::new(cluster),
        network: &lowered.network,
        sources,
        assumptions: findings::assumptions(cluster, &settings),
        walked: comparison.answer(side).obstacle(),
    }
}

/// Whether the clusters, alike where the domain names of policies stand for no address, may differ in what they do stand
/// for.
fn differ_by_names(
    [(old, old_none), (new, new_none)]: [(&Cluster, &Lowered); 2],
    settings: Settings,
    options: Options,
) -> bool {
    let hinge = |cluster| session::domain_names(cluster, settings);
    let Some((all, _)) = hinge(old).or_else(|| hinge(new)) else {
        return false;
    };
    // A mistake would have been one before.
    let (Ok(old_all), Ok(new_all)) = (lower(old, &all), lower(new, &all)) else {
        return true;
    };
    let a = Ends {
        cluster: old,
        none: &old_none.network,
        all: &old_all.network,
    };
    let b = Ends {
        cluster: new,
        none: &new_none.network,
        all: &new_all.network,
    };
    let sides = ((old, &old_all.network), (new, &new_all.network));
    let mut comparison = Comparison::new(sides.0, sides.1, options);
    !same_rules(&a, &b) || !diff::all_differences(&mut comparison).is_empty()
}

/// Objects that can change who reaches whom and are not modelled.
fn unmodelled(clusters: [&Cluster; 2]) -> Vec<String> {
    let mut all = Vec::new();
    for object in clusters.into_iter().flat_map(|c| &c.reading.unmodelled) {
        let text = format!("{} ({})", object.kind, object.api_version);
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}
