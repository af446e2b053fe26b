//! What a `main` can give is for the compiler to tell.

#[anyio::main]
async fn gives_a_number() -> u8 {
    1
}

#[anyio::main]
async fn gives_a_result_without_debug() -> Result<(), Opaque> {
    Err(Opaque)
}

struct Opaque;

fn main() {
    gives_a_number();
    let _ = gives_a_result_without_debug();
}
