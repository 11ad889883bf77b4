//! `kubeproof trace`.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use clap::ValueEnum;
use kubeproof::base::source::SourceMap;
use kubeproof::input;
use kubeproof::lower::{Lowered, lower};
use kubeproof::model::cluster::Cluster;
use kubeproof::model::policy::Settings;
use kubeproof::network::trace::{Disposition, Trace};
use kubeproof::question::Question;
use kubeproof::report::names::Names;
use kubeproof::report::{json, trace};
use kubeproof::session;
use kubeproof::tracer::{Traced, Tracer};

use super::assume::{self, Choice};
use super::choices::Choices;
use super::exit::Exit;
use super::load;
use super::output::Output;

/// What `trace` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files or folders; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// Who sends: container/NS/POD/NAME, pod/NS/NAME, node/NAME, daemon/NODE/NAME, external/NAME or an address
    #[arg(long, value_name = "X", required_unless_present = "queries")]
    from: Option<String>,

    /// To whom: as --from, or service/NS/NAME (of a headless one, each ready endpoint)
    #[arg(long, value_name = "Y", required_unless_present = "queries")]
    to: Option<String>,

    /// The destination port [default: the target's one open port of the protocol]
    #[arg(long, value_name = "P")]
    port: Option<u16>,

    /// TCP, UDP or SCTP
    #[arg(long, value_name = "T", default_value = "TCP")]
    protocol: String,

    /// The source port
    #[arg(long, value_name = "P", default_value_t = 49152)]
    source_port: u16,

    /// Many questions: JSON lines {from, to, port, protocol, sourcePort?}; one trace as a JSON line for each, in order
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to", "port"])]
    queries: Option<String>,

    /// Which cluster, where the PATHs hold several
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,

    #[command(flatten)]
    choices: Choices,

    /// What standard output gets
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,

    /// Decide what Kubernetes leaves open; `kubeproof list assumptions` lists them
    #[arg(long, value_name = "ID=VALUE", value_parser = assume::parse)]
    assume: Vec<Choice>,
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

/// The one cluster of the PATHs, with its texts; none after the mistakes were told.
pub(crate) fn one_cluster(
    paths: &[String],
    choices: &Choices,
    stdin_filename: Option<&str>,
    wanted: Option<&str>,
    settings: Settings,
    output: &mut Output,
) -> Option<(SourceMap, Cluster, Lowered)> {
    let (sources, cluster) = read_one(paths, choices, stdin_filename, wanted, output)?;
    match lower(&cluster, &settings) {
        Ok(lowered) => Some((sources, cluster, lowered)),
        Err(mistakes) => {
            output.diagnostics(&sources, &mistakes);
            None
        }
    }
}

/// The same without its network.
fn read_one(
    paths: &[String],
    choices: &Choices,
    stdin_filename: Option<&str>,
    wanted: Option<&str>,
    output: &mut Output,
) -> Option<(SourceMap, Cluster)> {
    let reading = input::Options::default();
    let files = load::load(paths, &mut std::io::stdin().lock(), stdin_filename, reading);
    let choices = choices.of(&files.incomplete);
    let loaded = input::load_with(&files.sources, &files.inputs, reading, &choices);
    output.diagnostics(
        &files.sources,
        files.diagnostics.iter().chain(loaded.all_diagnostics()),
    );
    for text in &loaded.not_read {
        output.diagnostics(&files.sources, [&session::not_read(&files.sources, text)]);
    }
    for object in &loaded.unsupported {
        output.diagnostics(&files.sources, [&session::not_supported(object)]);
    }
    if !files.diagnostics.is_empty() || loaded.failed() || !loaded.unsupported.is_empty() {
        return None;
    }
    let names: Vec<String> = loaded.clusters.iter().map(|c| c.name.clone()).collect();
    let mut fitting: Vec<_> = loaded
        .clusters
        .into_iter()
        .filter(|c| wanted.is_none_or(|name| c.name == name))
        .collect();
    if fitting.len() != 1 {
        let (message, help) = match (fitting.len(), wanted) {
            (0, Some(name)) => (
                format!("there is no cluster `{name}`"),
                format!("there are: {}", names.join(", ")),
            ),
            (0, None) => (
                "the PATHs hold no cluster".to_owned(),
                "a cluster is a document with `kind: Cluster`, or Kubernetes objects".to_owned(),
            ),
            _ => (
                "the PATHs hold several clusters".to_owned(),
                format!("choose one with --cluster: {}", names.join(", ")),
            ),
        };
        output.fail(&message);
        output.help(&help);
        return None;
    }
    let cluster = fitting.pop()?.cluster?;
    Some((files.sources, cluster))
}

/// Walks one message or many.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    let found = read_one(
        &args.paths,
        &args.choices,
        args.stdin_filename.as_deref(),
        args.cluster.as_deref(),
        output,
    );
    let Some((sources, cluster)) = found else {
        return Exit::Bad;
    };
    let tracer = match Tracer::new(&cluster, assume::settings(&args.assume)) {
        Ok(tracer) => tracer,
        Err(mistakes) => {
            output.diagnostics(&sources, &mistakes);
            return Exit::Bad;
        }
    };
    let asked = Asked {
        sources: &sources,
        cluster: &cluster,
        tracer: &tracer,
    };
    if let Some(file) = &args.queries {
        return asked.many(file, output);
    }
    let question = Question {
        from: args.from.clone().unwrap_or_default(),
        to: args.to.clone().unwrap_or_default(),
        port: args.port,
        protocol: Some(args.protocol.clone()),
        source_port: Some(args.source_port),
    };
    match tracer.trace(&question) {
        Err(error) => {
            output.fail(&error.message);
            if let Some(help) = &error.help {
                output.help(help);
            }
            Exit::Bad
        }
        Ok(traced) => {
            let trace = &traced.trace;
            output.print(&asked.show(&traced, args.output));
            let delivered = trace
                .outcomes
                .iter()
                .all(|o| o.disposition == Disposition::Delivered);
            if let Some(first) = cluster.reading.unmodelled.first() {
                output.fail(&format!(
                    "the model cannot say: an object of kind `{}` can change who reaches whom and is not modelled",
                    first.kind
                ));
                output.help("`--ignore-kind` takes for granted that it does not");
                Exit::Unknown
            } else if asked.hangs_on_domain_names(&question, trace, assume::settings(&args.assume))
            {
                output.fail(
                    "the model cannot say: it hangs on what the domain names of a policy stand for",
                );
                output.help("the trace shown is for no address");
                Exit::Unknown
            } else if asked.is_unclear(trace, assume::settings(&args.assume)) {
                output.fail(
                    "the model cannot say: with host-network-policy=pod, policies mean a pod by the addresses of its node",
                );
                output.help("other processes of that node have the same addresses");
                Exit::Unknown
            } else if delivered {
                Exit::Good
            } else if trace.hangs_on_the_unmodelled() {
                output
                    .fail("the model cannot say: the message meets something that is not modelled");
                Exit::Unknown
            } else {
                Exit::Violated
            }
        }
    }
}

struct Asked<'a> {
    sources: &'a SourceMap,
    cluster: &'a Cluster,
    tracer: &'a Tracer<'a>,
}

impl Asked<'_> {
    /// Whether the message fares otherwise where the domain names of policies stand for every address.
    fn hangs_on_domain_names(
        &self,
        question: &Question,
        trace: &Trace,
        settings: Settings,
    ) -> bool {
        let Some((all, _)) = session::domain_names(self.cluster, settings) else {
            return false;
        };
        let fates = |trace: &Trace| -> BTreeMap<_, Disposition> {
            let outcomes = trace.outcomes.iter();
            outcomes
                .map(|o| ((o.sent, o.choices.clone()), o.disposition))
                .collect()
        };
        let other = Tracer::new(self.cluster, all).ok();
        let other = other.and_then(|tracer| tracer.trace(question).ok());
        other.is_none_or(|other| fates(&other.trace) != fates(trace))
    }

    /// Whether an end of the message is a process that policies cannot tell from others.
    fn is_unclear(&self, trace: &Trace, settings: Settings) -> bool {
        let unclear = kubeproof::policy::unclear(self.cluster, &settings);
        let mut requests = trace.outcomes.iter().map(|o| &o.request);
        requests.any(|request| {
            let sender = request.steps.first().map(|step| step.at);
            let mut ends = sender.into_iter().chain(request.receiver);
            ends.any(|id| unclear.contains(&id))
        })
    }

    fn show(&self, traced: &Traced, format: Format) -> String {
        let names = Names::with_stages(self.cluster, self.tracer.lowered());
        let (trace, network) = (&traced.trace, traced.network_in(self.tracer));
        if format == Format::Json {
            return json::render_trace(trace, &names, network, self.sources);
        }
        let teller = trace::Teller {
            names: &names,
            network,
            sources: self.sources,
        };
        let mut text = teller.trace(trace, "");
        for (i, outcome) in trace.outcomes.iter().enumerate() {
            let which = if trace.outcomes.len() > 1 {
                format!("outcome {}: ", i + 1)
            } else {
                String::new()
            };
            text.push_str(&format!(
                "{which}{}: {}\n",
                outcome.disposition.word(),
                teller.fate(outcome)
            ));
        }
        text
    }

    /// JSON lines in, JSON lines out; a bad line has an error in its place.
    fn many(&self, file: &str, output: &mut Output) -> Exit {
        let reader: Box<dyn Read> = if file == "-" {
            Box::new(std::io::stdin())
        } else {
            match std::fs::File::open(file) {
                Ok(file) => Box::new(file),
                Err(error) => {
                    output.fail(&format!("`{file}` cannot be read: {error}"));
                    return Exit::Bad;
                }
            }
        };
        let names = Names::with_stages(self.cluster, self.tracer.lowered());
        let mut exit = Exit::Good;
        let mut lines = std::io::BufReader::new(reader);
        loop {
            let mut line = Vec::new();
            // A question is short; a line beyond that is none.
            match lines.by_ref().take(1 << 20).read_until(b'\n', &mut line) {
                Ok(0) => return exit,
                Ok(_) => {}
                Err(error) => {
                    output.fail(&format!("`{file}` cannot be read: {error}"));
                    return Exit::Bad;
                }
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let question =
                serde_json::from_slice::<Question>(&line).map_err(|error| error.to_string());
            let traced = question.and_then(|q| self.tracer.trace(&q).map_err(|e| e.message));
            let text = match traced {
                Ok(traced) => {
                    let network = traced.network_in(self.tracer);
                    json::render_trace_line(&traced.trace, &names, network, self.sources)
                }
                Err(error) => {
                    exit = Exit::Bad;
                    serde_json::json!({ "error": error }).to_string()
                }
            };
            output.print(&text);
            output.print("\n");
        }
    }
}
