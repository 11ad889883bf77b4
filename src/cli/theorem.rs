//! `kubeproof theorem`.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use kubeproof::report::theorem::{self as told, BrokenTold, GoalTold};
use kubeproof::session::theorem::{self as session, Goal, Wanted};
use kubeproof::theorem::{self, Assumption, Decided};

use super::exit::Exit;
use super::output::Output;
use super::verify::seconds;

/// What `theorem` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do without this assumption: show the smallest cluster that needs it
    #[arg(long, value_name = "ASSUMPTION")]
    without: Option<String>,

    /// Prove only this constraint, by id or name; repeatable, or with commas
    #[arg(long, value_name = "GOAL", value_delimiter = ',')]
    only: Vec<String>,

    /// What standard output gets
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,

    /// Write each question as SMT-LIB to a folder
    #[arg(long, value_name = "DIR")]
    emit_smt2: Option<String>,

    /// Give up on a question after so many seconds; its goal is then `unknown`
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people; a counterexample is a cluster file
    Text,
    /// `schemaVersion: 1`
    Json,
}

/// Proves, or shows what breaks.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    for goal in &args.only {
        if session::goals(std::slice::from_ref(goal)).is_empty() {
            output.fail(&format!("the theorem has no goal `{goal}`"));
            output.help(&format!("its goals are {}", session::GOALS.join(", ")));
            return Exit::Bad;
        }
    }
    let wanted = Wanted {
        only: args.only.clone(),
        timeout: args.timeout,
        keep_queries: args.emit_smt2.is_some(),
    };
    let Some(id) = &args.without else {
        return prove(args, &wanted, output);
    };
    if let Some(assumption) = theorem::assumption(id) {
        return without(args, assumption, &wanted, output);
    }
    let all: Vec<&str> = theorem::assumptions().iter().map(|a| a.id).collect();
    output.fail(&format!("the theorem has no assumption `{id}`"));
    output.help(&format!("its assumptions are {}", all.join(", ")));
    Exit::Bad
}

fn prove(args: &Args, wanted: &Wanted, output: &mut Output) -> Exit {
    let theorem = match session::prove(wanted) {
        Ok(theorem) => theorem,
        Err(error) => return internal(&error.to_string(), output),
    };
    let goals = told_goals(&theorem.goals);
    let lemmas: Vec<_> = theorem.lemmas.iter().map(|(l, d)| (*l, d)).collect();
    let proven = theorem.proven();
    output.print(&match args.output {
        Format::Text => told::text(&goals, &lemmas, proven),
        Format::Json => told::json(&goals, &lemmas, proven),
    });
    let decided = theorem
        .goals
        .iter()
        .flat_map(|g| [Some(&g.proof), g.model.as_ref()])
        .flatten();
    let decided = decided.chain(theorem.lemmas.iter().map(|(_, d)| d));
    let exit = if proven { Exit::Good } else { Exit::Unknown };
    emit(args, decided, exit, output)
}

fn without(
    args: &Args,
    assumption: &'static Assumption,
    wanted: &Wanted,
    output: &mut Output,
) -> Exit {
    let found = match session::without(assumption, wanted) {
        Ok(found) => found,
        Err(error) => return internal(&error.to_string(), output),
    };
    let goals = told_goals(&found.goals);
    let broken = found.counterexample.as_ref().map(|c| BrokenTold {
        cluster: &c.cluster.text,
        size: c.cluster.size,
        run: &c.run,
        violated: &c.violated,
    });
    output.print(&match args.output {
        Format::Text => told::text_without(assumption, &goals, broken.as_ref()),
        Format::Json => told::json_without(assumption, &goals, broken.as_ref()),
    });
    let exit = if broken.is_some() {
        Exit::Violated
    } else if found.goals.iter().all(|g| session::is_proven(&g.proof)) {
        Exit::Good
    } else {
        Exit::Unknown
    };
    emit(args, found.goals.iter().map(|g| &g.proof), exit, output)
}

fn told_goals(goals: &[Goal]) -> Vec<GoalTold<'_>> {
    let all = goals.iter().map(|g| GoalTold {
        constraint: &g.constraint,
        proof: &g.proof,
        model: g.model.as_ref(),
    });
    all.collect()
}

fn internal(message: &str, output: &mut Output) -> Exit {
    output.fail(message);
    output.help("this is a mistake in kubeproof, not in the input: please report it");
    Exit::Bad
}

/// One file a question.
fn emit<'d>(
    args: &Args,
    decided: impl Iterator<Item = &'d Decided>,
    exit: Exit,
    output: &mut Output,
) -> Exit {
    let Some(folder) = &args.emit_smt2 else {
        return exit;
    };
    let folder_path = Path::new(folder);
    let write = || {
        std::fs::create_dir_all(folder_path)?;
        for query in decided.filter_map(|d| d.query.as_ref()) {
            std::fs::write(
                folder_path.join(format!("{}.smt2", query.name)),
                &query.text,
            )?;
        }
        Ok::<(), std::io::Error>(())
    };
    if let Err(error) = write() {
        output.fail(&format!("`{folder}` cannot be written: {error}"));
        return Exit::Bad;
    }
    exit
}
