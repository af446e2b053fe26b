use anyio_macros::CancelError;

#[derive(CancelError)]
union Bits {
    number: u32,
    bytes: [u8; 4],
}

fn main() {}
