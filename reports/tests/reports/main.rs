//! The reports of made-up runs.

mod attribute;
mod browser;
mod common;
mod html;
mod json;
mod junit;
mod ladder;
mod markdown;
mod summary;
mod terminal;
