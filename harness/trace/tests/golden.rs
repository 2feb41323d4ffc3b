//! Goldens: the same over many runs, and different when a program behaves differently.

#[cfg(test)]
mod golden {
    mod accepting;
    mod differing;
    mod lab;
    mod repeating;
    mod routes;
    mod text;
}
