//! The command line: arguments in, text and an exit code out.
//!
//! Knows: clap, the terminal, exit codes. Must never know: the stages; it calls the library's session.

mod assume;
mod choices;
mod collect;
mod connectivity;
mod diff;
mod exit;
mod explain;
mod generate;
mod interrupt;
mod list;
mod load;
mod output;
mod progress;
mod schema;
mod theorem;
mod trace;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use exit::Exit;
use output::Output;

/// Proves that a cluster's network meets the Kubernetes network model, or shows the message that breaks it.
#[derive(Debug, Parser)]
#[command(name = "kubeproof", version, max_term_width = 100, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Colours: on a terminal only, always, or never. `NO_COLOR` is honoured.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check all constraints on every cluster of the PATHs: the main job
    Verify(verify::Args),
    /// Show the life of one message, or of many
    Trace(trace::Args),
    /// Show who reaches whom on which ports
    Connectivity(connectivity::Args),
    /// Show what became reachable from one cluster to another, and what stopped being
    Diff(diff::Args),
    /// Prove the network model for clusters of every size
    Theorem(theorem::Args),
    /// Explain a constraint, a code, a disposition or an assumption
    Explain(explain::Args),
    /// List constraints, predicates, codes, or the entities and rules of a cluster
    List(list::Args),
    /// Write a cluster of any size, to measure or to try
    Generate(generate::Args),
    /// Print the script that takes a Linux snapshot of a node and its pods
    Collect,
    /// Print the JSON Schema of a kind of input
    Schema(schema::Args),
}

/// Runs the command; the exit code is that of `formats.md`.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to standard output, mistakes to standard error, and knows the codes.
            let code = if error.use_stderr() {
                Exit::Bad
            } else {
                Exit::Good
            };
            let _ = error.print();
            return code.into();
        }
    };
    match cli.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let mut output = Output::new();
    if let Err(error) = kubeproof::smt::backend::check_version() {
        output.fail(&error.to_string());
        return Exit::Bad.into();
    }
    let exit = match cli.command {
        Command::Verify(args) => verify::run(&args, &mut output),
        Command::Trace(args) => trace::run(&args, &mut output),
        Command::Connectivity(args) => connectivity::run(&args, &mut output),
        Command::Diff(args) => diff::run(&args, &mut output),
        Command::Theorem(args) => theorem::run(&args, &mut output),
        Command::Explain(args) => explain::run(&args, &mut output),
        Command::List(args) => list::run(&args, &mut output),
        Command::Generate(args) => generate::run(&args, &mut output),
        Command::Collect => collect::run(&mut output),
        Command::Schema(args) => schema::run(&args, &mut output),
    };
    if output.finish() {
        exit.into()
    } else {
        Exit::Bad.into()
    }
}
