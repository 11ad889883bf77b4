//! What `generate` writes conforms, unless a fault is asked for; and each fault is one that `verify` finds.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

use std::sync::Arc;

use kubeproof::base::far::Held;
use kubeproof::base::source::{SourceMap, Span};
use kubeproof::generate::{ALL_FAULTS, Fault, Format, Generator, Wish};
use kubeproof::input::Input;
use kubeproof::report::run::Run;
use kubeproof::report::text::{self, render as report};
use kubeproof::session::{self, Options};

fn text(wish: &Wish) -> String {
    let mut text = String::new();
    let generator = Generator::new(wish.clone()).unwrap_or_else(|why| panic!("{wish:?}: {why}"));
    generator.write(&mut text).unwrap();
    text
}

/// How many constraints are violated; nothing else may be wrong.
fn violated(texts: &[(&str, String)]) -> usize {
    run(texts).summary().violated
}

/// Everything is read and decided.
fn run(texts: &[(&str, String)]) -> Run {
    let mut sources = SourceMap::new();
    let inputs: Vec<Input> = texts
        .iter()
        .map(|(name, text)| Input {
            source: sources.add_far(*name, Arc::new(Held(text.as_bytes().to_vec()))),
            path: "dir".to_owned(),
            named: false,
        })
        .collect();
    let outcome = session::verify(sources, &inputs, &Options::default()).unwrap();
    assert!(!outcome.run.has_errors(), "{:?}", outcome.run.diagnostics);
    let summary = outcome.run.summary();
    assert_eq!(summary.unknown, 0);
    assert!(summary.proven > 0);
    outcome.run
}

fn small() -> Wish {
    Wish {
        nodes: 3,
        pods: 1,
        services: 1,
        ..Wish::default()
    }
}

#[test]
fn each_fault_of_a_cluster_file_is_found() {
    assert_eq!(violated(&[("c.json", text(&small()))]), 0);
    for (name, fault) in ALL_FAULTS {
        let wish = Wish {
            faults: vec![*fault],
            ..small()
        };
        if Generator::new(wish.clone()).is_err() {
            let of_others = [
                Fault::NarrowPrefix,
                Fault::ForwardOff,
                Fault::WrongGateway,
                Fault::DuplicateCidr,
            ];
            assert!(of_others.contains(fault), "{name}");
            continue;
        }
        let found = violated(&[("c.json", text(&wish))]) > 0;
        assert_eq!(found, *fault != Fault::Detour, "{name}");
    }
}

/// What is too large to be decided whole is told like what is small: places, addresses, the life of a message.
#[test]
fn a_fault_in_a_large_cluster_is_told() {
    let wish = Wish {
        nodes: 110,
        pods: 2,
        containers: 2,
        services: 3,
        faults: vec![Fault::DuplicateAddress],
        ..Wish::default()
    };
    let told = report(&run(&[("c.json", text(&wish))]), text::Options::default());
    assert!(
        told.contains("KP001 unique-address") && told.contains(" is written at "),
        "{told}"
    );
    assert!(told.contains("receive  "), "{told}");
}

#[test]
fn each_fault_of_a_route_table_is_found() {
    let cluster = Wish {
        tables: Some("fibs.routes".to_owned()),
        ..small()
    };
    let mut tried = 0;
    for fault in std::iter::once(None).chain(ALL_FAULTS.iter().map(|(_, fault)| Some(*fault))) {
        let routes = Wish {
            format: Format::Routes,
            faults: fault.into_iter().collect(),
            ..small()
        };
        if Generator::new(routes.clone()).is_err() {
            continue;
        }
        tried += 1;
        let texts = [
            ("dir/c.json", text(&cluster)),
            ("dir/fibs.routes", text(&routes)),
        ];
        let harmless = [None, Some(Fault::Detour)].contains(&fault);
        assert_eq!(violated(&texts) == 0, harmless, "{fault:?}");
    }
    assert_eq!(tried, 5);
}

/// The verdicts of a few constraints, by how many have each.
fn snapshot(faults: Vec<Fault>) -> Option<(usize, usize)> {
    let wish = Wish {
        format: Format::Snapshot,
        services: 0,
        faults,
        ..small()
    };
    let mut sources = SourceMap::new();
    let mut inputs = Vec::new();
    let mut put = |name: &str, text: &str| -> Result<(), ()> {
        let source = sources.add(name, text);
        let path = "lab".to_owned();
        inputs.push(Input {
            source,
            path,
            named: false,
        });
        Ok(())
    };
    Generator::new(wish).ok()?.files(&mut put).unwrap();
    let options = Options {
        only: ["KP001", "KP003", "KP010"].map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let run = session::verify(sources, &inputs, &options).unwrap().run;
    assert!(run.diagnostics.is_empty(), "{:?}", run.diagnostics);
    let summary = run.summary();
    Some((summary.proven, summary.violated))
}

#[test]
fn each_fault_of_a_snapshot_is_found() {
    assert_eq!(snapshot(Vec::new()), Some((3, 0)));
    let mut tried = 0;
    for (name, fault) in ALL_FAULTS {
        let Some((_, violated)) = snapshot(vec![*fault]) else {
            continue;
        };
        tried += 1;
        // A detour is seen one way only: to the rules about INVALID, it is no connection.
        assert!(violated > 0 || *fault == Fault::Detour, "{name}");
    }
    assert_eq!(tried, 9);
}

/// Every route of a table matters: one line altered anywhere is found, unless the message arrives all the same.
#[test]
fn a_route_altered_at_any_line_is_found() {
    let cluster = Wish {
        tables: Some("fibs.routes".to_owned()),
        nodes: 7,
        services: 0,
        ..small()
    };
    let routes = Wish {
        format: Format::Routes,
        tables: None,
        ..cluster.clone()
    };
    let (cluster, routes) = (text(&cluster), text(&routes));
    let lines: Vec<&str> = routes.lines().collect();
    let of_routes: Vec<usize> = (0..lines.len())
        .filter(|i| lines[*i].contains('/'))
        .collect();
    for (seed, how) in ["dropped", "narrow", "to itself", "detour"]
        .iter()
        .enumerate()
    {
        let at = of_routes[(seed + 1) * 7919 % of_routes.len()];
        let (net, via) = lines[at].split_once(' ').unwrap();
        let begin = lines[..at].iter().rfind(|l| l.starts_with("at ")).unwrap();
        let own = &begin[3..];
        let other = (1..=7).map(|n| format!("node-{n}"));
        let other = other.rev().find(|n| n != own && n != via).unwrap();
        let altered = match *how {
            "dropped" => "# dropped".to_owned(),
            "narrow" => format!("{} {via}", net.replace(".0/24", ".128/25")),
            "to itself" => format!("{net} {own}"),
            _ => format!("{net} {other}"),
        };
        let mut altered_lines = lines.clone();
        altered_lines[at] = &altered;
        let texts = [
            ("dir/c.json", cluster.clone()),
            ("dir/fibs.routes", altered_lines.join("\n")),
        ];
        let run = run(&texts);
        assert_eq!(
            run.summary().violated > 0,
            *how != "detour",
            "{how}: line {}",
            at + 1
        );
        if *how == "to itself" {
            let verified = run.clusters[0].verified.as_ref().unwrap();
            let source = verified.cluster.tables.tables[0].source;
            let found = verified
                .results
                .iter()
                .filter_map(|r| r.counterexample.as_ref());
            let messages = found.flat_map(|f| &f.messages);
            let outcomes = messages.flat_map(|m| &m.trace.outcomes);
            let mut steps = outcomes.flat_map(|o| &o.request.steps);
            let place = Some(Span::line(source, at as u32 + 1));
            assert!(
                steps.any(|s| s.origin == place),
                "line {} is not named",
                at + 1
            );
        }
    }
}

#[test]
fn dumps_conform() {
    for format in [Format::Kubernetes, Format::PodList] {
        let wish = Wish {
            format,
            nodes: 2,
            services: u32::from(format == Format::Kubernetes),
            pad: 3000,
            ..small()
        };
        assert_eq!(violated(&[("dump.json", text(&wish))]), 0, "{format:?}");
    }
    let wish = Wish {
        format: Format::Kubernetes,
        faults: vec![Fault::ClosedPort, Fault::DuplicateAddress],
        ..small()
    };
    assert!(violated(&[("dump.json", text(&wish))]) > 0);
}

#[test]
fn the_same_wish_gives_the_same_text_and_pads_as_wanted() {
    for format in [
        Format::Cluster,
        Format::Kubernetes,
        Format::PodList,
        Format::Pods,
    ] {
        let wish = Wish {
            format,
            nodes: 4,
            pods: 25,
            policies: if format == Format::Cluster { 0 } else { 50 },
            pad: 15_000,
            ..small()
        };
        assert_eq!(text(&wish), text(&wish));
        if format == Format::PodList {
            let length = text(&wish).len() / 100;
            assert!((15_000..16_000).contains(&length), "{length}");
        }
        if format == Format::Pods {
            let other = Wish {
                seed: 2,
                ..wish.clone()
            };
            assert_ne!(text(&wish), text(&other));
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let no = |wish: Wish| Generator::new(wish).unwrap_err();
    for wish in [
        Wish {
            nodes: 0,
            ..small()
        },
        Wish {
            nodes: 1_000_000,
            pods: 250,
            ..small()
        },
        Wish {
            pods: u32::MAX,
            ..small()
        },
        Wish {
            containers: 0,
            ..small()
        },
        Wish { pods: 0, ..small() },
        Wish {
            policies: 1,
            ..small()
        },
        Wish {
            nodes: 1,
            faults: vec![Fault::Loop],
            ..small()
        },
        Wish {
            services: 0,
            faults: vec![Fault::ClosedPort],
            ..small()
        },
    ] {
        assert!(!no(wish).is_empty());
    }
    let largest = Wish {
        nodes: 130_000,
        pods: 8,
        services: 10_000,
        ..small()
    };
    assert!(Generator::new(largest).is_ok());
}
