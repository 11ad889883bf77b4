//! `kubeproof schema`: the JSON Schema of a kind, for editors and for other tools.

use clap::ValueEnum;

use super::exit::Exit;
use super::output::Output;

/// What `schema` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The kind
    #[arg(value_enum)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// `kind: Cluster` of kubeproof.dev/v1
    Cluster,
    /// `kind: Intent` of kubeproof.dev/v1
    Intent,
    /// `kind: LinuxSnapshot` of kubeproof.dev/v1
    LinuxSnapshot,
}

/// Prints the schema.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    output.print(match args.kind {
        Kind::Cluster => include_str!("../../schemas/cluster.schema.json"),
        Kind::Intent => include_str!("../../schemas/intent.schema.json"),
        Kind::LinuxSnapshot => include_str!("../../schemas/linux-snapshot.schema.json"),
    });
    Exit::Good
}
