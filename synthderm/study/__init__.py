"""The perceptual study: can people tell generated skin images from real ones?

`build` prepares the images and every participant's trials, `serve` asks the questions, `analyse`
evaluates the answers, and `export` writes them for other tools. All work on one folder (see
`synthderm.study.study_folder`), so a study can be copied, archived, and analysed again years later.

The server, the analysis and the power calculation need more packages than the library:

    pip install "synthderm[study]"
"""
