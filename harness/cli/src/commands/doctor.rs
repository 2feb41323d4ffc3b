//! `doctor`

use std::process::ExitCode;

pub(crate) fn doctor(_json: bool) -> ExitCode {
    ExitCode::SUCCESS
}
