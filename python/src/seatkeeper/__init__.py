"""
Seatkeeper's client: sessions of floating licences, and projects that take Mono and Team tokens.

    from seatkeeper import Client

    with Client() as client, client.session(license_id, user="anna@factor.com") as session:
        session.require()

The guide: docs/guide/python.md. Modules whose names begin with an underscore are private.
"""

from ._async_launcher import AsyncExecution, AsyncLauncher, AsyncProject, aconnect
from ._client import AsyncClient, Client
from ._errors import (
    BadSignature,
    CheckoutRefused,
    ClientNotActivated,
    ClientSuspended,
    Denial,
    Disconnected,
    ExecutionTimeout,
    KindLocked,
    LicenseError,
    LicenseExpired,
    LicenseInactive,
    LicenseUnknown,
    NotAuthorized,
    NoTokenLeft,
    ProjectAttended,
    ProjectError,
    ProjectExecuting,
    ProjectInUse,
    ProjectNotOpen,
    ProjectUnknown,
    Redirected,
    RequestRefused,
    SeatkeeperError,
    ServerUnreachable,
    SessionLost,
    TooManySessions,
    VoucherRefused,
)
from ._launcher import Launcher, launcher_connection
from ._lease import Held
from ._models import (
    ExecutionInfo,
    ExecutionProgress,
    Holder,
    LicenseInfo,
    LicenseKind,
    ProjectInfo,
    ProjectUser,
    Tokens,
)
from ._notebook import load_ipython_extension
from ._process import held, release_all
from ._project import Execution, Project, connect, try_connect
from ._session import AsyncSession, Session
from ._settings import NotConfigured
from ._vouchers import Voucher

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "AsyncExecution",
    "AsyncLauncher",
    "AsyncProject",
    "AsyncSession",
    "BadSignature",
    "CheckoutRefused",
    "Client",
    "ClientNotActivated",
    "ClientSuspended",
    "Denial",
    "Disconnected",
    "Execution",
    "ExecutionInfo",
    "ExecutionProgress",
    "ExecutionTimeout",
    "Held",
    "Holder",
    "KindLocked",
    "Launcher",
    "LicenseError",
    "LicenseExpired",
    "LicenseInactive",
    "LicenseInfo",
    "LicenseKind",
    "LicenseUnknown",
    "NoTokenLeft",
    "NotAuthorized",
    "NotConfigured",
    "Project",
    "ProjectAttended",
    "ProjectError",
    "ProjectExecuting",
    "ProjectInUse",
    "ProjectInfo",
    "ProjectNotOpen",
    "ProjectUnknown",
    "ProjectUser",
    "Redirected",
    "RequestRefused",
    "SeatkeeperError",
    "ServerUnreachable",
    "Session",
    "SessionLost",
    "Tokens",
    "TooManySessions",
    "Voucher",
    "VoucherRefused",
    "aconnect",
    "connect",
    "held",
    "launcher_connection",
    "load_ipython_extension",
    "release_all",
    "try_connect",
]
