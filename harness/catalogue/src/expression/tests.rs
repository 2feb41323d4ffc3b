use super::*;
use crate::{Scalar, Source, yaml};

fn expression<T: Quantity>(text: &str) -> Result<Expr<T>, Vec<Problem>> {
    let source = Source::new("e.yaml".into(), false, format!("\"{text}\""));
    let mut problems = Problems::default();
    Expr::decode(&yaml::read(&source).unwrap(), &mut problems).ok_or_else(|| problems.finish().unwrap_err().problems)
}

fn params() -> Params {
    Params::of([("dpd", Scalar::from("3s")), ("n", Scalar::from("2")), ("mode", Scalar::from("split"))])
}

fn seconds(text: &str) -> Result<f64, String> {
    expression::<Duration>(text)
        .map_err(|problems| problems[0].message().to_owned())?
        .eval(&params())
        .map(|value| value.as_secs_f64())
        .map_err(|error| error.to_string())
}

#[test]
fn arithmetic_follows_precedence() {
    assert_eq!(seconds("2 * dpd + 3s"), Ok(9.0));
    assert_eq!(seconds("2 * (dpd + 3s)"), Ok(12.0));
    assert_eq!(seconds("n*dpd - 500ms"), Ok(5.5));
    assert_eq!(seconds("dpd / n"), Ok(1.5));
    assert_eq!(seconds("(dpd / 1s) * 2s"), Ok(6.0));
    assert_eq!(seconds("10s - 2s - 3s"), Ok(5.0));
}

#[test]
fn units_are_checked() {
    assert_eq!(seconds("dpd * dpd").unwrap_err(), "`dpd * dpd`: a duration cannot be multiplied by a duration");
    assert_eq!(seconds("dpd + 1").unwrap_err(), "`dpd + 1`: a number cannot be added to a duration");
    assert_eq!(seconds("2 * n").unwrap_err(), "`2 * n`: this is a number, but a duration is needed");
    assert_eq!(seconds("mode").unwrap_err(), "`mode`: `mode` is `split`, which is no duration, number or percentage");
    assert_eq!(seconds("10").unwrap_err(), "`10` has no unit");
    assert_eq!(seconds("1s - dpd").unwrap_err(), "`1s - dpd`: the value is out of range for a duration");
    assert_eq!(seconds("dpd / 0").unwrap_err(), "`dpd / 0`: division by zero");
}

#[test]
fn bad_syntax_is_reported() {
    assert_eq!(seconds("2 * (dpd").unwrap_err(), "this parenthesis is never closed");
    assert_eq!(seconds("2 dpd").unwrap_err(), "two values without an operator between them");
    assert_eq!(seconds("2 * ").unwrap_err(), "the expression ends too early");
    assert_eq!(seconds("* 2").unwrap_err(), "a value is missing here");
    assert_eq!(seconds("").unwrap_err(), "the expression is empty");
    assert_eq!(seconds("dpd ^ 2").unwrap_err(), "`^` has no meaning in an expression");
    assert_eq!(seconds("3sec").unwrap_err(), "`3sec` has an unknown unit `sec`");
}

#[test]
fn the_caret_is_under_the_wrong_part() {
    let expression = expression::<Duration>("2 * ddp + 3s").unwrap();
    let mut problems = Problems::default();
    assert!(!expression.check(&params(), &mut problems));
    let errors = problems.finish().unwrap_err();
    let problem = &errors.problems[0];
    assert_eq!(problem.span().unwrap().slice(), "ddp");
    assert_eq!(problem.hint(), Some("did you mean `dpd`?"));
}

#[test]
fn a_minus_in_a_name_is_explained() {
    let expression = expression::<Duration>("dpd-1s").unwrap();
    let mut problems = Problems::default();
    expression.check(&params(), &mut problems);
    assert_eq!(problems.finish().unwrap_err().problems[0].hint(), Some("a minus needs a blank on both sides"));
}
