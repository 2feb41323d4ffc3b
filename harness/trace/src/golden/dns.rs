//! The view of DNS: who asked whom for what, where, and what came back.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use interop_evidence::{Micros, Trace, TraceLine, View};

use super::rules::{is_to_everybody, is_tunnel};
use super::spans::Spans;

/// A question as it was asked, in a flow and a phase.
struct Question<'a> {
    line: &'a TraceLine,
    at: Micros,
    phase: usize,
    what: String,
    answers: Vec<(String, u64)>,
}

/// The lines of each phase: a set, sorted. A question and its answer are one line, and belong to the phase of the
/// question; repeats are not counted, and one that was answered in the end was answered.
pub(super) fn lines(trace: &Trace, spans: &Spans) -> Vec<Vec<(String, u64)>> {
    let mut others: Vec<(usize, String, u64)> = Vec::new();
    let mut flows: IndexMap<(&str, &str), Vec<Question<'_>>> = IndexMap::new();
    for line in trace.lines.iter().filter(|line| line.view == View::Dns && !is_to_everybody(line)) {
        let questions = flows.entry((&line.wire, &line.flow)).or_default();
        let text = line.text.strip_prefix("DNS ").unwrap_or(&line.text);
        if let Some(what) = text.strip_suffix(" ?") {
            let what = what.to_owned();
            questions.push(Question {
                line,
                at: line.at,
                phase: spans.at(line.at),
                what: what.clone(),
                answers: vec![],
            });
            // Folded lines end at marks; where one does not, it was asked on both sides.
            let (last, phase) = (spans.at(line.until), spans.at(line.at));
            if last > phase {
                questions.push(Question { line, at: spans.start(last), phase: last, what, answers: vec![] });
            }
        } else if let Some((what, answer)) = text.split_once(" = ") {
            let asked = questions.iter_mut().rev().find(|question| question.what == what && question.at <= line.at);
            match asked {
                Some(question) => question.answers.push((answer.to_owned(), line.frame)),
                None => others.push((
                    spans.at(line.at),
                    format!("{} tells {}{}: {text}", line.from, line.to, place(line)),
                    line.frame,
                )),
            }
        } else {
            others.push((
                spans.at(line.at),
                format!("{} to {}{}: {text}", line.from, line.to, place(line)),
                line.frame,
            ));
        }
    }
    let mut phases: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); spans.count()];
    let mut put = |phase: usize, line: String, frame: u64| {
        if let Some(lines) = phases.get_mut(phase) {
            lines.entry(line).or_insert(frame);
        }
    };
    let mut vain: Vec<(usize, String, u64)> = Vec::new();
    for question in flows.values().flatten() {
        let Question { line, phase, what, .. } = question;
        let over = if line.flow.contains(" TCP/") { " over TCP" } else { "" };
        let asked = format!("{} asks {}{}: {what}{over}", line.from, line.to, place(line));
        if question.answers.is_empty() {
            vain.push((*phase, asked.clone(), line.frame));
        }
        for (answer, _) in &question.answers {
            put(*phase, format!("{asked} = {answer}"), line.frame);
        }
    }
    for (phase, asked, frame) in vain {
        let answered = format!("{asked} = ");
        let Some(lines) = phases.get_mut(phase) else { continue };
        let is_answered = lines.range(answered.clone()..).next().is_some_and(|(line, _)| line.starts_with(&answered));
        if !is_answered {
            lines.entry(format!("{asked}, unanswered")).or_insert(frame);
        }
    }
    for (phase, line, frame) in others {
        if let Some(lines) = phases.get_mut(phase) {
            lines.entry(line).or_insert(frame);
        }
    }
    phases.into_iter().map(|lines| lines.into_iter().collect()).collect()
}

fn place(line: &TraceLine) -> &'static str {
    if is_tunnel(&line.wire) { " in the tunnel" } else { " outside" }
}
