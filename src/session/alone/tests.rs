//! One internal error takes nothing else with it.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use super::super::decide::Case;
use super::super::{Options, parse};
use super::save;
use crate::base::source::SourceMap;
use crate::input::{self, Input};
use crate::verify::bounded::Bounds;
use crate::verify::direct::InternalError;
use crate::verify::replay::ReplayError;
use crate::verify::verdict::Verdict;

#[test]
fn one_internal_error_takes_nothing_else_with_it() {
    let mut sources = SourceMap::new();
    let text =
        "apiVersion: kubeproof.dev/v1\nkind: Cluster\nmetadata: {name: c}\nnodes: [{name: n1}]\n";
    let inputs = [Input {
        source: sources.add("c.yaml", text),
        path: "c.yaml".to_owned(),
        named: true,
    }];
    let mut loaded = input::load(&sources, &inputs, input::Options::default());
    let cluster = loaded.clusters.pop().unwrap().cluster.unwrap();
    let each =
        |name: &str| format!("constraint {name} \"{name}\" forall N. K8s-Node(N) => K8s-Node(N)\n");
    let spec = sources.add("c.spec", ["a", "b", "c"].map(each).concat());
    let (bound, mistakes) = parse(&sources, spec);
    assert!(mistakes.is_empty() && bound.len() == 3);
    let (options, bounds) = (Options::default(), Bounds::within(None, None, None));
    let case = Case {
        cluster: &cluster,
        bound: &bound,
        builtin: 1,
        stated: &[],
        options: &options,
        bounds: &bounds,
        jobs: 1,
    };
    // `b` fails, alone or among others.
    let saved = save(&case, |case| {
        let ids: Vec<&str> = case.bound.iter().map(|c| c.id.as_str()).collect();
        assert!(ids.len() == 3 || case.builtin == usize::from(ids == ["a"]));
        if ids.contains(&"b") {
            return Err(InternalError {
                id: "b".to_owned(),
                why: ReplayError::Disagrees,
            });
        }
        let error = InternalError {
            id: String::new(),
            why: ReplayError::Disagrees,
        };
        let proven = |c| super::CheckResult {
            verdict: Verdict::Proven,
            ..super::lost(c, &error)
        };
        Ok((case.bound.iter().map(proven).collect(), Vec::new()))
    });
    let told: Vec<_> = saved
        .results
        .iter()
        .map(|r| (r.id.as_str(), r.verdict))
        .collect();
    assert_eq!(
        told,
        [
            ("a", Verdict::Proven),
            ("b", Verdict::Unknown),
            ("c", Verdict::Proven)
        ]
    );
    assert_eq!(saved.errors.len(), 1);
    assert!(saved.results[1].detail.contains("internal error"));
}
