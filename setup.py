"""Metadata of glance-notify-middleware; tool settings are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

# For the tests that need neither Glance nor a broker nor a compiler.
UNIT = [
    "hypothesis>=6.100",
    "jsonschema>=4.17",
    "pytest>=8.0",
    "pytest-xdist>=3.7",
]

# For the tests of journal, delivery and strategies, which are also run on the libraries of older
# releases of OpenStack.
BROKERS = [
    *UNIT,
    "cryptography>=42",
    "eventlet>=0.36",  # under which Glance up to 32 runs the filter
    "oslo.messaging>=14.7",
    "requests>=2.31",
    "standardwebhooks>=1.0",  # the reference for what a receiver of webhooks checks
    "urllib3>=1.26",
]

ROOT = Path(__file__).parent

setup(
    name="glance-notify-middleware",
    version="0.1.0",
    description="A WSGI filter that sends a notification for every event in an image's life",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["glance_notify_middleware*"]),
    package_data={"glance_notify_middleware": ["py.typed"]},
    # For operators: the sample, the unit, alert rules and so on.
    data_files=[
        ("share/glance-notify", sorted(f"etc/{path.name}" for path in ROOT.glob("etc/*"))),
    ],
    # All that the strategies need is installed with the filter, so that another one is a change
    # of one word in the paste file. PasteDeploy is what loads it, as it loads Glance.
    install_requires=[
        "WebOb>=1.8.7",
        # Older ones import cgi, which Python 3.13 has no more.
        "WebOb>=1.8.9; python_version >= '3.13'",
        "Paste>=3.5",
        "PasteDeploy>=2.1",
        "kombu>=5.3",
        "amqp>=5.2.0",  # older ones hang in TLS with a peer that is silent
        "orjson>=3.9",
        # The command glance-notify. Both are in every environment of Glance.
        "cliff>=4.4",
        "prometheus_client>=0.17",
    ],
    extras_require={
        # AMQP 1.0. PyPI has its source alone: it needs a C compiler and Python's headers.
        "qpid": ["python-qpid-proton>=0.37"],
        # HTTPS to a receiver of webhooks.
        "webhook": ["urllib3>=1.26"],
        # A real Glance and what serves it; requests plays the people of the demo, cryptography
        # makes the certificates of its RabbitMQ.
        "demo": [
            "cryptography>=42",
            "glance>=33",
            "pyuwsgi>=2.0.26",
            "requests>=2.31",
            "urllib3>=1.26",
        ],
        "unit": UNIT,
        "brokers": BROKERS,
        "test": [
            *BROKERS,
            "ceilometer>=27",  # a consumer that bills by the notifications
            "cloudevents>=2.0",
            "coverage>=7.4",
            "ddt>=1.0.1",
            "fixtures>=3.0.0",
            "gunicorn>=22.0",
            "import-linter>=2.0",
            "mypy>=1.10",
            "oslotest>=4.0",
            "pycadf>=3.1",
            "pytest-cov>=5.0",
            "ruff>=0.6",
            "testtools>=2.5",
            "types-requests>=2.31",
            "types-WebOb>=1.8",
            "waitress>=3.0",
        ],
    },
    entry_points={
        "paste.filter_factory": ["main = glance_notify_middleware:filter_factory"],
        "console_scripts": ["glance-notify = glance_notify_middleware.cli:main"],
    },
    classifiers=[
        "Environment :: OpenStack",
        "License :: OSI Approved :: Apache Software License",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Internet :: WWW/HTTP :: WSGI :: Middleware",
        "Typing :: Typed",
    ],
)
