//! `kubeproof verify`.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use kubeproof::input;
use kubeproof::report::run::Run;
use kubeproof::report::{json, junit, text};
use kubeproof::session::{self, Model};
use kubeproof::verify::direct::Query;

use super::assume::{self, Choice};
use super::choices::Choices;
use super::exit::Exit;
use super::interrupt;
use super::load;
use super::output::Output;
use super::progress;

/// What `verify` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files or folders; `-` is standard input. Read are *.yaml, *.yml, *.json and *.spec
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// What standard output gets
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,

    /// Write one more report to a file; repeatable: `--report junit=out.xml --report json=out.json`
    #[arg(long, value_name = "FORMAT=PATH", value_parser = report)]
    report: Vec<(Format, String)>,

    /// Check only this constraint, by id or name; repeatable, or with commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,

    /// Check an opt-in constraint too, by id or name (KP011)
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    enable: Vec<String>,

    /// The wording of the network model
    #[arg(long, value_enum, default_value_t = Wording::Classic)]
    model: Wording,

    /// How to decide
    #[arg(long, value_enum, default_value_t = Strategy::Auto)]
    strategy: Strategy,

    /// Decide what Kubernetes leaves open; `kubeproof list assumptions` lists them
    #[arg(long, value_name = "ID=VALUE", value_parser = assume::parse)]
    assume: Vec<Choice>,

    /// Verify the clusters of this name only
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    #[command(flatten)]
    choices: Choices,

    /// Give up on a constraint after so many seconds; its verdict is then `unknown`
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// Give up on what is not decided after so many seconds in all
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    total_timeout: Option<Duration>,

    /// Decide so many clusters at once, or, of one cluster, so many constraints and groups of intents; by default as many
    /// as there are processors
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,

    /// Write each query as SMT-LIB to a folder per cluster
    #[arg(long, value_name = "DIR")]
    emit_smt2: Option<String>,

    /// Tell only what is not proven
    #[arg(short, long)]
    quiet: bool,

    /// Exit with 1 where there are findings
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,

    /// What standard input is called in messages
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<String>,

    /// The largest file that is read, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = input::Options::default().max_file_size)]
    max_file_size: u64,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// `schemaVersion: 1`
    Json,
    /// `JUnit` XML, for CI
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wording {
    /// The seeds': a node reaches every pod (KP005)
    Classic,
    /// Today's: a node reaches its own pods (KP004 alone)
    Current,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Strategy {
    /// Chooses: a part where that is exact and worth it, else the whole cluster
    Auto,
    /// A part of the cluster that stands for all of it
    Modular,
    /// The whole cluster as one symbolic query
    Direct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Any finding
    Warning,
}

fn report(text: &str) -> Result<(Format, String), String> {
    let (format, path) = text
        .split_once('=')
        .ok_or("write FORMAT=PATH, such as junit=report.xml")?;
    let format = Format::from_str(format, false)
        .map_err(|_| format!("`{format}` is none of text, json, junit"))?;
    if path.is_empty() {
        return Err("the path is empty".to_owned());
    }
    Ok((format, path.to_owned()))
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "write a number of seconds, such as 30 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| "write a number of seconds from 0 on".to_owned())
}

/// Verifies, renders, decides the exit code.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    let reading = input::Options {
        max_file_size: args.max_file_size,
    };
    let mut files = load::load(
        &args.paths,
        &mut std::io::stdin().lock(),
        args.stdin_filename.as_deref(),
        reading,
    );
    let unread = std::mem::take(&mut files.diagnostics);
    if let Some(unknown) = args
        .only
        .iter()
        .chain(&args.enable)
        .find(|id| !exists(id, &files))
    {
        output.fail(&format!("there is no constraint `{unknown}`"));
        output.help("`kubeproof list constraints` lists the built-in ones");
        return Exit::Bad;
    }
    let options = session::Options {
        input: reading,
        choices: args.choices.of(&files.incomplete),
        model: if args.model == Wording::Classic {
            Model::Classic
        } else {
            Model::Current
        },
        enable: args.enable.clone(),
        only: args.only.clone(),
        cluster: args.cluster.clone(),
        timeout: args.timeout,
        total_timeout: args.total_timeout,
        strategy: match args.strategy {
            Strategy::Auto => session::Strategy::Auto,
            Strategy::Modular => session::Strategy::Modular,
            Strategy::Direct => session::Strategy::Direct,
        },
        settings: assume::settings(&args.assume),
        keep_queries: args.emit_smt2.is_some(),
        jobs: args.jobs.unwrap_or_else(processors),
        watch: progress::watch(),
        interrupt: interrupt::listen(),
    };
    let session::Outcome {
        mut run,
        queries,
        errors,
    } = session::verify_all(files.sources, &files.inputs, &options);
    progress::end(&options);
    interrupt::over(&options);
    run.diagnostics.splice(0..0, unread);
    output.diagnostics(
        &run.sources,
        run.diagnostics
            .iter()
            .chain(run.clusters.iter().flat_map(|c| &c.diagnostics)),
    );
    let mut exit = exit(&run, args);
    for error in &errors {
        output.fail(&error.to_string());
        output.help(
            "this is a mistake in kubeproof, not in the input: please report it with the input",
        );
        exit = Exit::Bad;
    }
    if !run.clusters.is_empty() || args.output != Format::Text {
        output.print(&render(&run, args.output, args.quiet));
    }
    if let Some(name) = &args.cluster
        && run.clusters.is_empty()
        && exit == Exit::Nothing
    {
        output.fail(&format!("there is no cluster `{name}`"));
        output.help("a cluster is called by its `metadata.name`, else by its PATH");
        exit = Exit::Bad;
    } else if exit == Exit::Nothing {
        nothing(&run, output);
    }
    for (format, path) in &args.report {
        let text = anstream::adapter::strip_str(&render(&run, *format, args.quiet)).to_string();
        if let Err(error) = std::fs::write(path, text) {
            output.fail(&format!("`{path}` cannot be written: {error}"));
            exit = Exit::Bad;
        }
    }
    if let Some(folder) = &args.emit_smt2
        && let Err(error) = emit(Path::new(folder), &run, &queries)
    {
        output.fail(&format!("`{folder}` cannot be written: {error}"));
        exit = Exit::Bad;
    }
    exit
}

/// How many processors this process may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Whether a built-in constraint or one of the texts has this id or name.
fn exists(id: &str, files: &load::Files) -> bool {
    let builtin = kubeproof::library::builtins()
        .iter()
        .any(|b| b.id == id || name_of(b.file) == Some(id));
    let mut specs = files
        .sources
        .iter()
        .filter(|(_, source)| source.name().to_ascii_lowercase().ends_with(".spec"));
    builtin
        || id == session::INTENTS
        || session::intent_named(id, &files.sources, &files.inputs)
        || specs.any(|(source, _)| {
            let (constraints, mistakes) = session::parse(&files.sources, source);
            // A text that cannot be read may hold it: then its mistakes are what is told.
            !mistakes.is_empty() || constraints.iter().any(|c| c.id == id || c.name == id)
        })
}

/// `specs/constraints/kp003-pod-to-pod.spec` is called pod-to-pod.
fn name_of(file: &str) -> Option<&str> {
    let (_, name) = file.split_once('-')?;
    name.strip_suffix(".spec")
}

/// Why exit code 4, whatever the output format.
fn nothing(run: &Run, output: &mut Output) {
    let (message, help) = if run.clusters.is_empty() {
        (
            "nothing was checked: the PATHs hold no cluster",
            "a cluster is a `kind: Cluster` of kubeproof.dev/v1, or Kubernetes objects; see `kubeproof list kinds`",
        )
    } else {
        (
            "nothing was checked: no constraint says anything about these clusters",
            "a constraint is vacuous where nothing satisfies its premises",
        )
    };
    output.fail(message);
    output.help(help);
}

fn render(run: &Run, format: Format, quiet: bool) -> String {
    match format {
        Format::Text => text::render(run, text::Options { quiet }),
        Format::Json => json::render(run),
        Format::Junit => junit::render(run),
    }
}

/// Where several apply: 2, 1, 3, 4, 0.
fn exit(run: &Run, args: &Args) -> Exit {
    let summary = run.summary();
    let findings = run
        .clusters
        .iter()
        .filter_map(|c| c.verified.as_ref())
        .any(|v| v.findings.iter().any(|f| f.severity == "warning"));
    if run.has_errors() {
        Exit::Bad
    } else if summary.violated > 0 || (findings && args.fail_on == Some(FailOn::Warning)) {
        Exit::Violated
    } else if summary.unknown > 0 {
        Exit::Unknown
    } else if summary.proven + summary.waived == 0 {
        Exit::Nothing
    } else {
        Exit::Good
    }
}

/// One folder per cluster, one file per query.
fn emit(folder: &Path, run: &Run, queries: &[Vec<Query>]) -> std::io::Result<()> {
    let mut used = std::collections::BTreeSet::new();
    for (cluster, queries) in run.clusters.iter().zip(queries) {
        let mut name = file_name(&cluster.name);
        while !used.insert(name.clone()) {
            name.push('_');
        }
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        for query in queries {
            std::fs::write(
                folder.join(format!("{}.smt2", file_name(&query.name))),
                &query.text,
            )?;
        }
    }
    Ok(())
}

/// Names are the user's words: nothing in them may leave the folder.
fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().take(100).map(plain).collect();
    if name.trim_matches('.').is_empty() {
        format!("_{name}")
    } else {
        name
    }
}
