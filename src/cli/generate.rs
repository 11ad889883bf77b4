//! `kubeproof generate`.
//!
//! Must never know: what a cluster looks like; it turns arguments into a wish.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use kubeproof::generate::{ALL_FAULTS, Fault, Format, Generator, Wish};

use super::exit::Exit;
use super::output::Output;

/// What `generate` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to write
    #[arg(short, long, value_enum, default_value_t = Kind::Cluster)]
    format: Kind,

    /// Nodes
    #[arg(long, value_name = "N", default_value_t = 2)]
    nodes: u32,

    /// Pods on each node
    #[arg(long, value_name = "M", default_value_t = 2)]
    pods_per_node: u32,

    /// Containers in each pod, each with a port of its own
    #[arg(long, value_name = "K", default_value_t = 1)]
    containers_per_pod: u32,

    /// Services
    #[arg(long, value_name = "S", default_value_t = 0)]
    services: u32,

    /// NetworkPolicies, in the proportions of a real cluster
    #[arg(long, value_name = "Q", default_value_t = 0)]
    policies: u32,

    /// Namespaces; one for 250 pods where it is not given
    #[arg(long, value_name = "N")]
    namespaces: Option<u32>,

    /// IPv6 addresses beside those of IPv4
    #[arg(long)]
    dual_stack: bool,

    /// In `kubernetes` and `pod-list`: so many bytes a pod at least, as `kubectl` prints it
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pad: usize,

    /// In `cluster`: speak of route tables in a file of this name, which `--format routes` writes
    #[arg(long, value_name = "FILE")]
    tables: Option<String>,

    /// What the choices hang on: the same gives the same
    #[arg(long, value_name = "X", default_value_t = 1)]
    seed: u64,

    /// In `snapshot`: the folder to write, which must not be there
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,

    /// Plant a mistake; repeatable
    #[arg(long, value_name = "NAME", value_parser = fault, long_help = faults())]
    fault: Vec<Fault>,
}

/// Formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A cluster file, as JSON
    Cluster,
    /// The route tables of its nodes (docs/route-tables.md)
    Routes,
    /// What `kubectl get -o json` prints
    #[value(alias = "kubernetes-list")]
    Kubernetes,
    /// A PodList, whose items do not say what they are
    PodList,
    /// Small stand-alone pods, and policies
    #[value(alias = "standalone")]
    Pods,
    /// A Linux snapshot (docs/linux-snapshot.md), into a folder: `--output`
    Snapshot,
}

fn fault(name: &str) -> Result<Fault, String> {
    Fault::named(name).ok_or_else(|| {
        let known: Vec<&str> = ALL_FAULTS.iter().map(|(name, _)| *name).collect();
        format!("known are {}", known.join(", "))
    })
}

fn faults() -> String {
    let known: Vec<&str> = ALL_FAULTS.iter().map(|(name, _)| *name).collect();
    format!(
        "Plant a mistake; repeatable. Known are {}. The seed says where",
        known.join(", ")
    )
}

/// Text to standard output, which remembers what went wrong.
struct Stdout {
    out: BufWriter<io::StdoutLock<'static>>,
    error: Option<io::Error>,
}

impl std::fmt::Write for Stdout {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.error = Some(error);
            std::fmt::Error
        })
    }
}

/// Writes the cluster.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    let wish = Wish {
        format: match args.format {
            Kind::Cluster => Format::Cluster,
            Kind::Routes => Format::Routes,
            Kind::Kubernetes => Format::Kubernetes,
            Kind::PodList => Format::PodList,
            Kind::Pods => Format::Pods,
            Kind::Snapshot => Format::Snapshot,
        },
        nodes: args.nodes,
        pods: args.pods_per_node,
        containers: args.containers_per_pod,
        services: args.services,
        policies: args.policies,
        namespaces: args.namespaces,
        pad: args.pad,
        dual_stack: args.dual_stack,
        tables: args.tables.clone(),
        seed: args.seed,
        faults: args.fault.clone(),
    };
    let generator = match Generator::new(wish) {
        Ok(generator) => generator,
        Err(message) => {
            output.fail(&message);
            return Exit::Bad;
        }
    };
    match (&args.output, args.format) {
        (Some(folder), Kind::Snapshot) => return into(folder, &generator, output),
        (None, Kind::Snapshot) => {
            output.fail("a snapshot is a folder: `--output FOLDER`");
            return Exit::Bad;
        }
        (Some(_), _) => {
            output
                .fail("only a snapshot is written into a folder; the others go to standard output");
            return Exit::Bad;
        }
        (None, _) => {}
    }
    let mut stdout = Stdout {
        out: BufWriter::with_capacity(1 << 20, io::stdout().lock()),
        error: None,
    };
    let written = generator.write(&mut stdout);
    let flushed = stdout.out.flush();
    let error = stdout.error.or(flushed.err());
    match (written, error) {
        (Ok(()), None) => Exit::Good,
        // A reader that closes its pipe (`| head`) is no error of ours.
        (_, Some(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Good,
        (_, error) => {
            let why = error.map_or_else(String::new, |error| format!(": {error}"));
            output.fail(&format!("standard output cannot be written{why}"));
            Exit::Bad
        }
    }
}

/// Writes a folder of files.
fn into(folder: &Path, generator: &Generator, output: &mut Output) -> Exit {
    let mut last = PathBuf::new();
    let written = fs::create_dir(folder).and_then(|()| {
        generator.files(&mut |name: &str, text: &str| {
            let file = folder.join(name);
            if let Some(below) = file.parent().filter(|below| *below != last) {
                fs::create_dir_all(below)?;
                below.clone_into(&mut last);
            }
            fs::write(&file, text)
        })
    });
    match written {
        Ok(()) => Exit::Good,
        Err(error) => {
            output.fail(&format!("{} cannot be written: {error}", folder.display()));
            Exit::Bad
        }
    }
}
