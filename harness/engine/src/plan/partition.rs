//! Which share of a divided run this is: said by the user, or by the engine that started several of us.

use interop_evidence::PartitionRecord;

/// More shares than this are a mistake.
const MOST: u32 = 1000;

/// One share of a divided run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// From 1.
    index: u32,
    count: u32,
}

/// A share that cannot be told; the message says what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PartitionError(String);

/// An engine that starts several jobs and tells each which one it is.
struct Engine {
    name: &'static str,
    /// How a user asks for several jobs.
    way: &'static str,
    /// The variable with the number of this job; engines are told apart by it.
    index: &'static str,
    numbering: Numbering,
}

/// How an engine counts its jobs.
enum Numbering {
    /// From this number, with the number of jobs in a variable, if there is one.
    From(u32, Option<&'static str>),
    /// As a Slurm array: any first index, any step.
    SlurmArray,
}

/// What each variable means stands in the documentation of its engine:
/// GitLab "Predefined CI/CD variables reference", Buildkite "Environment variables", CircleCI "Project values and variables",
/// Kubernetes "Indexed Job for parallel processing with static work assignment", Slurm "Job array support".
const ENGINES: [Engine; 5] = [
    Engine {
        name: "GitLab",
        way: "`parallel: N`",
        index: "CI_NODE_INDEX",
        numbering: Numbering::From(1, Some("CI_NODE_TOTAL")),
    },
    Engine {
        name: "Buildkite",
        way: "`parallelism: N`",
        index: "BUILDKITE_PARALLEL_JOB",
        numbering: Numbering::From(0, Some("BUILDKITE_PARALLEL_JOB_COUNT")),
    },
    Engine {
        name: "CircleCI",
        way: "`parallelism: N`",
        index: "CIRCLE_NODE_INDEX",
        numbering: Numbering::From(0, Some("CIRCLE_NODE_TOTAL")),
    },
    Engine {
        name: "Kubernetes",
        way: "`completionMode: Indexed`",
        index: "JOB_COMPLETION_INDEX",
        numbering: Numbering::From(0, None),
    },
    Engine {
        name: "Slurm",
        way: "`sbatch --array=1-N`",
        index: "SLURM_ARRAY_TASK_ID",
        numbering: Numbering::SlurmArray,
    },
];

type Result<T> = std::result::Result<T, PartitionError>;

impl Partition {
    /// Understands `2/4`, `auto` and `auto/4`. The last two ask the environment, of which `variable` tells one variable.
    ///
    /// # Errors
    /// When it is none of them, or the environment does not say it or says it twice.
    pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let wrong = || {
            PartitionError(format!(
                "`{text}` is no share: give it as 2/4 (the second of four), or `auto` where an engine numbers its jobs, \
                 or auto/4 where it does not tell how many there are"
            ))
        };
        match text.split_once('/') {
            None if text == "auto" => Self::from_environment(variable, None),
            None => Err(wrong()),
            Some(("auto", total)) => Self::from_environment(variable, Some(total.parse().map_err(|_| wrong())?)),
            Some((index, count)) => {
                Self::new(index.parse().map_err(|_| wrong())?, count.parse().map_err(|_| wrong())?, text)
            }
        }
    }

    /// Asks the environment; `total` is how many shares there are, for engines that do not tell.
    ///
    /// # Errors
    /// When no engine or more than one has numbered this job, or the numbers cannot be.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>, total: Option<u32>) -> Result<Self> {
        // A variable that a template left empty is as good as none.
        let variable =
            |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let present: Vec<&Engine> = ENGINES.iter().filter(|engine| variable(engine.index).is_some()).collect();
        let engine = match present[..] {
            [engine] => engine,
            [] if total.is_none_or(|total| total == 1) && variable("CI_NODE_TOTAL").as_deref() == Some("1") => {
                // A job of GitLab without `parallel` has no index; it is the only share.
                return Self::new(1, 1, "CI_NODE_TOTAL=1");
            }
            [] => {
                let known: Vec<String> = ENGINES
                    .iter()
                    .map(|engine| format!("{} ({}, {})", engine.name, engine.index, engine.way))
                    .collect();
                return Err(PartitionError(format!(
                    "nothing says which share this is: none of the variables of {} is set; is the job a parallel one? \
                     Otherwise name the share, like --partition 2/4",
                    known.join(", ")
                )));
            }
            _ => {
                let said: Vec<String> = present
                    .iter()
                    .map(|engine| {
                        format!("{} ({}={})", engine.name, engine.index, variable(engine.index).unwrap_or_default())
                    })
                    .collect();
                return Err(PartitionError(format!(
                    "more than one engine has numbered this job: {}; name the share, like --partition 2/4, or unset the \
                     variables of the outer one",
                    said.join(" and ")
                )));
            }
        };
        let (index, counted) = engine.position(&variable)?;
        let count = match (counted, total) {
            (Some(counted), Some(total)) if counted != total => {
                return Err(PartitionError(format!(
                    "auto/{total} does not fit: {} runs {counted} jobs; say `auto`, or name the share of a job that is \
                     run again, like --partition 2/{total}",
                    engine.name
                )));
            }
            (Some(count), _) | (None, Some(count)) => count,
            (None, None) => {
                return Err(PartitionError(format!(
                    "{} says which job this is, but not how many there are: say it, like --partition auto/4",
                    engine.name
                )));
            }
        };
        Self::new(index, count, &format!("{}={}", engine.index, variable(engine.index).unwrap_or_default()))
    }

    /// `said` is what the numbers come from, for the message.
    fn new(index: u32, count: u32, said: &str) -> Result<Self> {
        if count == 0 || count > MOST {
            return Err(PartitionError(format!(
                "a run cannot be divided into {count} shares ({said}): 1 to {MOST} can be"
            )));
        }
        if index == 0 || index > count {
            return Err(PartitionError(format!(
                "there is no share {index} of {count} ({said}): shares are numbered from 1 to {count}"
            )));
        }
        Ok(Self { index, count })
    }

    /// How many shares there are.
    pub fn count(self) -> u32 {
        self.count
    }

    /// Which one this is, from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// For the record of the run.
    pub fn record(self) -> PartitionRecord {
        PartitionRecord { index: self.index, count: self.count }
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Engine {
    /// The number of this job from 1, and how many there are.
    fn position(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<(u32, Option<u32>)> {
        match self.numbering {
            Numbering::From(first, total) => {
                let index = self.number(self.index, variable)?.ok_or_else(|| self.lacks(self.index))?;
                let total = match total {
                    None => None,
                    Some(name) => Some(self.number(name, variable)?.ok_or_else(|| self.lacks(name))?),
                };
                let past = u64::from(first) + u64::from(total.unwrap_or(u32::MAX));
                if index < first || u64::from(index) >= past {
                    let total = total.map(|total| format!("there are {total} jobs, ")).unwrap_or_default();
                    return Err(PartitionError(format!(
                        "{}={index} of {} is out of range: {total}numbered from {first}",
                        self.index, self.name
                    )));
                }
                Ok((index - first + 1, total))
            }
            Numbering::SlurmArray => self.position_in_array(variable),
        }
    }

    /// Arrays may begin anywhere and leave numbers out: only even steps tell a task its position.
    fn position_in_array(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<(u32, Option<u32>)> {
        let needed = |name: &'static str| self.number(name, variable)?.ok_or_else(|| self.lacks(name));
        let (id, min, max) = (needed(self.index)?, needed("SLURM_ARRAY_TASK_MIN")?, needed("SLURM_ARRAY_TASK_MAX")?);
        let step = self.number("SLURM_ARRAY_TASK_STEP", variable)?.unwrap_or(1).max(1);
        if id < min || id > max {
            return Err(PartitionError(format!(
                "{}={id} of Slurm is out of range: the array has the indices {min} to {max}",
                self.index
            )));
        }
        let spanned = (max - min) / step + 1;
        let count = self.number("SLURM_ARRAY_TASK_COUNT", variable)?.unwrap_or(spanned);
        let even = (max - min).is_multiple_of(step) && (id - min).is_multiple_of(step) && spanned == count;
        if !even {
            return Err(PartitionError(format!(
                "the Slurm array of {count} tasks from {min} to {max} has no even steps, so that a task does not know its \
                 position: submit it with --array=1-{count}, or name the share, like --partition 2/{count}"
            )));
        }
        Ok(((id - min) / step + 1, Some(count)))
    }

    fn number(&self, name: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<Option<u32>> {
        let Some(text) = variable(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| {
            PartitionError(format!(
                "{name}={text:?} of {} is no number; name the share, like --partition 2/4",
                self.name
            ))
        })?;
        Ok(Some(number))
    }

    fn lacks(&self, name: &str) -> PartitionError {
        PartitionError(format!(
            "{} is set, but {name} of {} is not; is the job one of {}? Otherwise name the share, like --partition 2/4",
            self.index, self.name, self.way
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(text: &str, variables: &[(&str, &str)]) -> std::result::Result<String, String> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Partition::parse(text, variable).map(|share| share.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_share_is_named_from_1() {
        assert_eq!(auto("2/4", &[]).unwrap(), "2/4");
        assert_eq!(auto("1/1", &[]).unwrap(), "1/1");
        // What is named wins over whatever the environment says.
        assert_eq!(auto("2/4", &[("CI_NODE_INDEX", "1"), ("SLURM_ARRAY_TASK_ID", "9")]).unwrap(), "2/4");
        for (text, part) in [
            ("0/4", "no share 0 of 4"),
            ("5/4", "numbered from 1 to 4"),
            ("1/0", "0 shares"),
            ("1/100000", "1 to 1000"),
            ("3", "is no share"),
            ("-1/4", "is no share"),
            ("a/b", "is no share"),
            ("1/4/2", "is no share"),
            ("", "is no share"),
            ("auto/x", "is no share"),
            ("automatic", "is no share"),
        ] {
            let error = auto(text, &[]).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn each_engine_counts_in_its_own_way() {
        for (variables, first, last) in [
            ("CI_NODE_INDEX=* CI_NODE_TOTAL=4", 1, 4),
            ("BUILDKITE_PARALLEL_JOB=* BUILDKITE_PARALLEL_JOB_COUNT=4", 0, 3),
            ("CIRCLE_NODE_INDEX=* CIRCLE_NODE_TOTAL=4", 0, 3),
            (
                "SLURM_ARRAY_TASK_ID=* SLURM_ARRAY_TASK_MIN=7 SLURM_ARRAY_TASK_MAX=10 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_STEP=1",
                7,
                10,
            ),
        ] {
            let of = |index: i32| {
                let text = variables.replace('*', &index.to_string());
                let pairs: Vec<(&str, &str)> = text.split(' ').filter_map(|pair| pair.split_once('=')).collect();
                auto("auto", &pairs)
            };
            let all: Vec<String> = (first..=last).map(|index| of(index).unwrap()).collect();
            assert_eq!(all, ["1/4", "2/4", "3/4", "4/4"], "{variables}");
            for outside in [first - 1, last + 1] {
                let error = of(outside).unwrap_err();
                assert!(error.contains("out of range") || error.contains("is no number"), "{outside}: {error}");
            }
            let missing = variables.split(' ').next().unwrap().replace('*', "2");
            let error = auto("auto", &[missing.split_once('=').unwrap()]).unwrap_err();
            assert!(error.contains("is not; is the job one of"), "{error}");
        }
    }

    #[test]
    fn kubernetes_does_not_tell_how_many() {
        let error = auto("auto", &[("JOB_COMPLETION_INDEX", "0")]).unwrap_err();
        assert!(error.contains("Kubernetes says which job this is, but not how many"), "{error}");
        assert_eq!(auto("auto/4", &[("JOB_COMPLETION_INDEX", "0")]).unwrap(), "1/4");
        assert_eq!(auto("auto/4", &[("JOB_COMPLETION_INDEX", "3")]).unwrap(), "4/4");
        let error = auto("auto/4", &[("JOB_COMPLETION_INDEX", "4")]).unwrap_err();
        assert!(error.contains("no share 5 of 4 (JOB_COMPLETION_INDEX=4)"), "{error}");
    }

    #[test]
    fn a_slurm_array_may_have_even_steps_only() {
        let array = |id: &str, min: &str, max: &str, step: &str, count: &str| {
            auto(
                "auto",
                &[
                    ("SLURM_ARRAY_TASK_ID", id),
                    ("SLURM_ARRAY_TASK_MIN", min),
                    ("SLURM_ARRAY_TASK_MAX", max),
                    ("SLURM_ARRAY_TASK_STEP", step),
                    ("SLURM_ARRAY_TASK_COUNT", count),
                ],
            )
        };
        assert_eq!(array("0", "0", "3", "1", "4").unwrap(), "1/4");
        assert_eq!(array("5", "1", "7", "2", "4").unwrap(), "3/4");
        assert_eq!(array("5", "1", "7", "2", "").unwrap(), "3/4", "an old Slurm without the count");
        // --array=1,2,7
        assert!(array("2", "1", "7", "1", "3").unwrap_err().contains("no even steps"));
        // One task of the four run again on its own: the engine cannot know of the others.
        assert_eq!(array("3", "3", "3", "1", "1").unwrap(), "1/1");
        let variables = [
            ("SLURM_ARRAY_TASK_ID", "3"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_MAX", "3"),
            ("SLURM_ARRAY_TASK_COUNT", "1"),
        ];
        let error = auto("auto/4", &variables).unwrap_err();
        assert!(error.contains("Slurm runs 1 jobs") && error.contains("--partition 2/4"), "{error}");
    }

    #[test]
    fn nothing_or_too_much_is_said() {
        let error = auto("auto", &[("PATH", "/bin"), ("CI_NODE_INDEX", "")]).unwrap_err();
        for name in [
            "CI_NODE_INDEX",
            "BUILDKITE_PARALLEL_JOB",
            "CIRCLE_NODE_INDEX",
            "JOB_COMPLETION_INDEX",
            "SLURM_ARRAY_TASK_ID",
        ] {
            assert!(error.contains(name), "{error}");
        }
        let both = [("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4"), ("SLURM_ARRAY_TASK_ID", "9")];
        let error = auto("auto", &both).unwrap_err();
        assert!(error.contains("GitLab (CI_NODE_INDEX=1) and Slurm (SLURM_ARRAY_TASK_ID=9)"), "{error}");
        let error = auto("auto", &[("CI_NODE_INDEX", "one"), ("CI_NODE_TOTAL", "4")]).unwrap_err();
        assert!(error.contains("CI_NODE_INDEX=\"one\" of GitLab is no number"), "{error}");
    }

    #[test]
    fn a_job_of_gitlab_without_parallel_is_the_only_share() {
        assert_eq!(auto("auto", &[("CI_NODE_TOTAL", "1")]).unwrap(), "1/1");
        assert!(auto("auto/4", &[("CI_NODE_TOTAL", "1")]).is_err());
        assert!(auto("auto", &[("CI_NODE_TOTAL", "4")]).is_err());
    }
}
