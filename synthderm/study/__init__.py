"""The perceptual study: can people tell generated skin from real?

`build` draws the images and every participant's trials, `serve` asks the questions, `analyse`
answers. Each of the three works on one folder (see `synthderm.study.files`), so that a study can be
copied, archived and checked years later.

The server, the analysis and the power calculation need more packages than the library: `pip install
"synthderm[study]"`.
"""
