//! `kubeproof connectivity`.

use std::collections::BTreeSet;

use clap::ValueEnum;
use kubeproof::base::diag::{Diagnostic, Severity};
use kubeproof::base::source::SourceMap;
use kubeproof::connectivity::answer::{Answer, Options, Way};
use kubeproof::connectivity::focus;
use kubeproof::connectivity::group::{By, Groups};
use kubeproof::connectivity::party::PartyId;
use kubeproof::findings;
use kubeproof::input;
use kubeproof::lower::lower;
use kubeproof::reference::QuestionError;
use kubeproof::report::connectivity::{Csv, Dot, Format, Head, Json, Markdown, Text};
use kubeproof::session;

use super::assume::{self, Choice};
use super::choices::Choices;
use super::exit::Exit;
use super::load;
use super::output::Output;

/// What `connectivity` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files or folders; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// What standard output gets
    #[arg(short, long, value_enum, default_value_t = Kind::Text)]
    output: Kind,

    /// A line for each pod, or for the pods of a workload that have equal labels
    #[arg(long, value_enum, default_value_t = Level::Pod)]
    by: Level,

    /// Only lines from or to an entity, a namespace or a workload; repeatable
    #[arg(long, value_name = "X")]
    focus: Vec<String>,

    /// What policies and routes permit, whether or not anybody listens
    #[arg(long)]
    allowed: bool,

    /// Leave out services as targets
    #[arg(long)]
    no_services: bool,

    /// Walk every class of messages, also where sets of ports and addresses say the same at once
    #[arg(long)]
    simulate: bool,

    /// Decide what Kubernetes leaves open; `kubeproof list assumptions` lists them
    #[arg(long, value_name = "ID=VALUE", value_parser = assume::parse)]
    assume: Vec<Choice>,

    #[command(flatten)]
    choices: Choices,

    /// Only the clusters of this name
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    /// What standard input is called in messages
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<String>,

    /// The largest file that is read, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = input::Options::default().max_file_size)]
    max_file_size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// For people
    Text,
    /// `schemaVersion: 1`
    Json,
    /// A table for spreadsheets
    Csv,
    /// A graph for Graphviz
    Dot,
    /// A Markdown table
    Md,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Single pods
    Pod,
    /// Pods of one workload with equal labels
    Workload,
}

/// Answers for every cluster.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    let reading = input::Options {
        max_file_size: args.max_file_size,
    };
    let stdin_name = args.stdin_filename.as_deref();
    let files = load::load(
        &args.paths,
        &mut std::io::stdin().lock(),
        stdin_name,
        reading,
    );
    let choices = args.choices.of(&files.incomplete);
    let loaded = input::load_with(&files.sources, &files.inputs, reading, &choices);
    let sources = &files.sources;
    let mut told = files.diagnostics.clone();
    told.extend(loaded.diagnostics.iter().cloned());
    told.extend(
        loaded
            .not_read
            .iter()
            .map(|n| session::not_read(sources, n)),
    );
    told.extend(loaded.unsupported.iter().map(session::not_supported));
    let wanted = |name: &str| args.cluster.as_ref().is_none_or(|wanted| wanted == name);
    let mut asked = Asked {
        args,
        sources,
        format: format(args.output),
        told: Vec::new(),
        answered: 0,
        parties: 0,
        focused: args.focus.iter().map(|_| None).collect(),
    };
    output.diagnostics(sources, &told);
    asked.told = told;
    let mut text = asked.format.begin();
    for cluster in loaded.clusters.into_iter().filter(|c| wanted(&c.name)) {
        output.diagnostics(sources, &cluster.diagnostics);
        asked.told.extend(cluster.diagnostics.iter().cloned());
        output.print(&std::mem::take(&mut text));
        asked.cluster(cluster, output);
    }
    text.push_str(&asked.format.end(sources, &asked.told));
    output.print(&text);
    asked.exit(output)
}

fn format(kind: Kind) -> Box<dyn Format> {
    match kind {
        Kind::Text => Box::new(Text::default()),
        Kind::Json => Box::new(Json::default()),
        Kind::Csv => Box::new(Csv),
        Kind::Dot => Box::new(Dot::default()),
        Kind::Md => Box::new(Markdown),
    }
}

struct Asked<'a> {
    args: &'a Args,
    sources: &'a SourceMap,
    format: Box<dyn Format>,
    told: Vec<Diagnostic>,
    answered: usize,
    parties: usize,
    /// For each `--focus`: what is wrong with it, or nothing where some cluster has it.
    focused: Vec<Option<Result<(), QuestionError>>>,
}

impl Asked<'_> {
    fn cluster(&mut self, loaded: input::LoadedCluster, output: &mut Output) {
        let bad = loaded
            .diagnostics
            .iter()
            .any(|d| d.severity == Severity::Error);
        let Some(cluster) = loaded.cluster.filter(|_| !bad) else {
            output.print(&self.format.failed(&loaded.name, &loaded.path));
            return;
        };
        let settings = assume::settings(&self.args.assume);
        let lowered = match lower(&cluster, &settings) {
            Ok(lowered) => lowered,
            Err(mistakes) => {
                output.diagnostics(self.sources, &mistakes);
                self.told.extend(mistakes);
                output.print(&self.format.failed(&loaded.name, &loaded.path));
                return;
            }
        };
        let limits = session::limits(&cluster, settings);
        output.diagnostics(self.sources, &limits);
        self.told.extend(limits);
        let options = Options {
            allowed: self.args.allowed,
            services: !self.args.no_services,
            way: if self.args.simulate {
                Way::Simulate
            } else {
                Way::Auto
            },
        };
        let mut answer = Answer::new(&cluster, &lowered.network, options);
        let focus = self.focus(&answer);
        let by = match self.args.by {
            Level::Pod => By::Pod,
            Level::Workload => By::Workload,
        };
        let groups = Groups::of(&answer, by);
        let head = Head {
            name: &loaded.name,
            path: &loaded.path,
            basis: answer.basis(),
            assumptions: findings::assumptions(&cluster, &settings),
            walked: answer.obstacle(),
            groups: &groups,
        };
        self.answered += 1;
        self.parties += answer.parties().len();
        output.print(&self.format.head(&head));
        for from in 0..groups.all().len() {
            let wanted = |id: PartyId| focus.as_ref().is_none_or(|f| f.contains(&id));
            let lines = groups.lines_from(&mut answer, from, wanted);
            output.print(&self.format.lines(&head, answer.ports(), &lines));
        }
        output.print(&self.format.foot(&head));
    }

    /// Who is asked about; none is everybody.
    fn focus(&mut self, answer: &Answer<'_>) -> Option<BTreeSet<PartyId>> {
        if self.args.focus.is_empty() {
            return None;
        }
        let mut all = BTreeSet::new();
        for (text, known) in self.args.focus.iter().zip(&mut self.focused) {
            match focus::parties(answer, text) {
                Ok(parties) => {
                    all.extend(parties);
                    *known = Some(Ok(()));
                }
                Err(error) => {
                    known.get_or_insert(Err(error));
                }
            }
        }
        Some(all)
    }

    fn exit(&self, output: &mut Output) -> Exit {
        let mut bad = self.told.iter().any(|d| d.severity == Severity::Error);
        for error in self
            .focused
            .iter()
            .flatten()
            .filter_map(|f| f.as_ref().err())
        {
            output.fail(&error.message);
            if let Some(help) = &error.help {
                output.help(help);
            }
            bad = true;
        }
        if bad {
            return Exit::Bad;
        }
        if self.answered == 0 {
            if let Some(name) = &self.args.cluster {
                output.fail(&format!("there is no cluster `{name}`"));
                output.help("a cluster is called by its `metadata.name`, else by its PATH");
                return Exit::Bad;
            }
            output.fail("nothing to answer about: the PATHs hold no cluster");
            output.help("`kubeproof list kinds` lists what is read");
            return Exit::Nothing;
        }
        if self.parties == 0 {
            output.fail("nothing to answer about: nobody is in these clusters");
            return Exit::Nothing;
        }
        Exit::Good
    }
}
