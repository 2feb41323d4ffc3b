//! The reports of made-up runs.

mod attribute;
mod common;
mod html;
mod json;
mod junit;
mod markdown;
mod summary;
mod terminal;
