//! Files and paths, as people write them.

mod q37_file {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let p = fs::Path::new(".").join("x");
        let s = p.read_to_string().await?;
        p.write("abc").await?;
        let f = fs::File::open(&p).await?;
        let mut b = [0; 4];
        f.read(&mut b).await?;
        let o = fs::OpenOptions::new().read(true).open(&p).await?;
        let r = fs::FileReadStream::from_path("x").await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod q38_file_open_static {
    use crate::prelude::*;
    fn g() {
        let p = String::from("x");
        let j = tokio::spawn(fs::File::open(&p));
        drop(p);
    }
}

mod q39_file_create_static {
    use crate::prelude::*;
    fn g() {
        let p = String::from("x");
        let j = tokio::spawn(fs::File::create(&p));
        drop(p);
    }
}

mod q40_path_with_std {
    use crate::prelude::*;
    use anyio::fs::Path as APath;
    use std::path::Path;
    async fn f(p: &Path) -> io::Result<()> {
        let a = APath::from(p);
        a.exists().await?;
        Ok(())
    }
}

#[allow(ambiguous_glob_imports, reason = "that is the use")]
mod q42_glob_collision_path {
    use crate::prelude::*;
    use anyio::fs::*;
    use std::path::*;
    fn f(p: &Path) {}
}

mod s30_file_in_group {
    use crate::prelude::*;
    async fn f(paths: &[fs::Path]) -> anyio::Result<Vec<String>> {
        map_concurrent(paths, 8, async |p| Ok(p.read_to_string().await?)).await
    }
    fn g() {
        tokio::spawn(async { f(&[]).await });
    }
}

mod s31_mapc_question_infers_tail_only {
    use crate::prelude::*;
    async fn f(paths: &[fs::Path]) -> anyio::Result<()> {
        let v = map_concurrent(paths, 8, async |p| -> io::Result<_> { Ok(p.read_to_string().await?) }).await?;
        Ok(())
    }
}

mod s32_mapc_plain_q_direct {
    use crate::prelude::*;
    async fn f(paths: &[fs::Path]) -> anyio::Result<()> {
        let v = map_concurrent(paths, 8, |p| p.read_to_string()).await?;
        let w = map_concurrent(paths, 8, fs::Path::read_to_string).await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(async { f(&[]).await });
    }
}

mod u17_pathlib_div_and_args {
    use crate::prelude::*;
    async fn f(p: impl AsRef<std::path::Path>) -> io::Result<fs::File> {
        fs::File::open(p).await
    }
    async fn g() -> io::Result<()> {
        f("x").await?;
        f(fs::Path::new("y")).await?;
        f(&fs::Path::new("y")).await?;
        f(std::path::PathBuf::from("z")).await?;
        Ok(())
    }
    fn h() {
        tokio::spawn(g());
    }
}

mod v19_recv_err_q_in_receive_fn {
    use crate::prelude::*;
    async fn f(a: &MemoryByteStream) -> Result<Vec<u8>, ReceiveError> {
        let mut v = vec![0; 10];
        let n = a.receive(&mut v).await?;
        sleep(D).await?;
        let f = std::fs::read("x")?;
        Ok(v)
    }
}
